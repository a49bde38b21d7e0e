"""Examples are kept with the sweep in the same bytes."""

from pathlib import Path

import pytest

from mubench.errors import IntegrityError
from mubench.report.build import build
from mubench.run.examples import save_examples
from mubench.store.results_files import EXAMPLES, pack, read_folder, read_results, unpack_examples

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


def test_examples_are_kept_with_the_sweep_in_the_same_bytes(store):
    save_examples(store, read_results(store, "tiny"), None)
    first = store.sweep_file("tiny", EXAMPLES)
    source = read_results(store, "tiny")
    assert source.examples == unpack_examples(first, "here")
    assert pack(source)[EXAMPLES] == first
    stamp = Path(store.files.path(f"sweeps/tiny/{EXAMPLES}"))
    before = stamp.stat().st_mtime_ns
    save_examples(store, source, None)
    assert stamp.stat().st_mtime_ns == before
    build(source, Path("report"))
    for spoiled in (b"{}", b"no JSON", b"\xff"):
        Path("report", EXAMPLES).write_bytes(spoiled)
        with pytest.raises(IntegrityError, match=f"report/{EXAMPLES}: damaged"):
            read_folder(Path("report"))
        stamp.write_bytes(spoiled)
        with pytest.warns(UserWarning, match="damaged: no checksum in it; the next run makes it"):
            spoilt_results = read_results(store, "tiny")
        save_examples(store, spoilt_results, None)
        assert store.sweep_file("tiny", EXAMPLES) == first


def test_examples_of_a_request_that_the_sweep_lacks_are_not_shown(store, finished, mubench_):
    """Another forget seed makes another sweep of the same name and cell."""
    save_examples(store, read_results(store, "tiny"), None)
    [shown] = read_results(store, "tiny").examples.cells
    other = "seeds.final.forget=[1]"
    arguments = ("report", finished / "tiny.yaml", "--store", store.uri, "--out", "report")
    assert mubench_(*arguments, "--set", other)[0] == 0
    assert read_folder(Path("report")).examples.cells == {}
    assert mubench_(*arguments)[0] == 0
    assert [*read_folder(Path("report")).examples.cells] == [shown]
