"""`mubench store`: verify, delete what nobody needs, export."""

import shutil

import numpy as np
import pytest

from mubench.store.sealed import to_json
from mubench.store.store import Store
from tests.support.command_line import only_line

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_verify_finds_a_damaged_file(mubench_, copy):
    _, store = copy
    assert mubench_("store", "verify", "--store", store)[0] == 0
    weights = min(store.glob("artefacts/*/weights.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    code, out, _ = mubench_("store", "verify", "--store", store)
    assert code == 1
    assert f"artefacts/{weights.parent.name}/weights.safetensors" in out
    assert f"{store}: 1 damaged or missing" in out


def test_verify_finds_a_reference_that_was_stored_elsewhere(mubench_, copy):
    """As with workers that do not share the driver's disk: every record is ok, nothing is here."""
    _, store = copy
    shutil.rmtree(store / "artefacts")
    code, out, _ = mubench_("store", "verify", "--store", store)
    assert code == 1
    assert f"{store}: 5 damaged or missing" in out
    assert out.count("missing, though") == 5


def test_gc_deletes_what_no_record_names_and_nothing_else(mubench_, copy):
    _, store = copy
    named = Store(str(store)).artefacts.ids()
    (store / "artefacts" / "loose").mkdir()
    (store / "artefacts" / "loose" / "forget.safetensors").write_bytes(b"cut short")
    records = Store(str(store)).records.read()
    Store(str(store)).checkpoints.save("cut", {"weight": np.zeros(3)}, {})
    out = "1 artefact and 1 checkpoint deleted\n"
    assert mubench_("store", "gc", "--store", store)[:2] == (0, out)
    assert Store(str(store)).checkpoints.ids() == frozenset()
    assert Store(str(store)).artefacts.ids() == named
    assert Store(str(store)).records.read() == records
    with Store(str(store)).lock("next"):
        pass


def test_an_export_that_cannot_be_written_is_one_line(mubench_, finished, tmp_path):
    target = tmp_path / "absent" / "records.csv"
    code, _, err = mubench_("store", "export", target, "--store", finished / "store")
    assert code == 2
    assert str(target) in only_line(err)


@pytest.mark.parametrize("command", ["plan", "run", "status", "report"])
@pytest.mark.parametrize(
    ("format_", "hint"),
    [
        (to_json({"format": 99}), "update mubench"),
        (to_json({"format": 0}), "choose a new --store"),
        (b'{"format": 1}', "choose a new --store"),
        (b"something else", "damaged, or of no store"),
    ],
)
def test_a_store_of_another_format_is_refused_in_one_line(
    mubench_, finished, tmp_path, command, format_, hint
):
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "format.json").write_bytes(format_)
    code, out, err = mubench_(command, finished / "tiny.yaml", "--store", tmp_path / "foreign")
    assert (code, out) == (1, "")
    assert hint in only_line(err)
    assert [path.name for path in (tmp_path / "foreign").iterdir()] == ["format.json"]
