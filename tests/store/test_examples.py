"""Examples are kept with the sweep in the same bytes."""

from dataclasses import replace
from pathlib import Path

import pytest

from mubench.report.build import build
from mubench.run.examples import keep_exhibits
from mubench.store.gathered import saved
from mubench.store.results_files import EXHIBITS, pack, read_folder, unpack_exhibits

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


def test_exhibits_are_kept_with_the_sweep_in_the_same_bytes(store):
    keep_exhibits(store, saved(store, "tiny"), None)
    first = store.sweep_file("tiny", EXHIBITS)
    source = saved(store, "tiny")
    assert source.exhibits == unpack_exhibits(first)
    assert pack(source)[EXHIBITS] == first
    stamp = Path(store.files.path(f"sweeps/tiny/{EXHIBITS}"))
    before = stamp.stat().st_mtime_ns
    keep_exhibits(store, source, None)
    assert stamp.stat().st_mtime_ns == before
    build(source, Path("report"))
    for spoiled in (b"{}", b"no JSON", b"\xff"):
        Path("report", EXHIBITS).write_bytes(spoiled)
        assert read_folder(Path("report")) == replace(
            source, records=source.newest(), exhibits=None
        )
        stamp.write_bytes(spoiled)
        keep_exhibits(store, saved(store, "tiny"), None)
        assert store.sweep_file("tiny", EXHIBITS) == first


def test_exhibits_of_a_request_that_the_sweep_lacks_are_not_shown(store, finished, mubench_):
    """Another forget seed makes another sweep of the same name and cell."""
    keep_exhibits(store, saved(store, "tiny"), None)
    [shown] = saved(store, "tiny").exhibits.cells
    other = "seeds.final.forget=[1]"
    arguments = ("report", finished / "tiny.yaml", "--store", store.uri, "--out", "report")
    assert mubench_(*arguments, "--set", other)[0] == 0
    assert read_folder(Path("report")).exhibits.cells == {}
    assert mubench_(*arguments)[0] == 0
    assert [*read_folder(Path("report")).exhibits.cells] == [shown]
