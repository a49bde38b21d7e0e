"""`mubench store`: verify, delete what nobody needs, export."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from mubench.run.open_sweep import open_sweep
from mubench.store.sealed import to_json
from mubench.store.store import Store
from tests.support.command_line import only_line
from tests.support.sweep_world import all_values, finish

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


@pytest.mark.filterwarnings("ignore:.*the next run makes it again")
def test_a_damaged_store_is_repaired_and_the_next_run_makes_it_whole(mubench_, copy):
    sweep, store = copy
    opened = Store(str(store)).records
    records = opened.read()
    lost = next(record.id for record in records.values() if record.kind == "final")
    opened.discard(frozenset({lost}))  # it may be in one file with all others
    opened.append(records[lost])
    for path in (store / f"records/part-{lost}.parquet", store / "sweeps/tiny/steps.json"):
        path.write_bytes(path.read_bytes()[:-1])
    code, _, err = mubench_("report", sweep, "--store", store, "--out", "out")
    assert code == 1
    assert "set it aside with 'mubench store repair'" in only_line(err)
    assert mubench_("store", "verify", "--store", store)[0] == 1
    code, out, _ = mubench_("store", "repair", "--store", store)
    assert code == 0
    assert "sweeps/tiny/steps.json: set aside" in out
    assert "2 damaged files; run the sweeps again to make them anew" in out
    assert mubench_("store", "repair", "--store", store)[:2] == (0, "0 damaged files\n")
    assert Store(str(store)).records.read().keys() == records.keys() - {lost}
    finish(open_sweep(str(sweep), str(store)))
    assert mubench_("store", "verify", "--store", store)[0] == 0
    assert all_values(Store(str(store)).records.read()) == all_values(records)


def test_a_report_and_a_board_are_verified_too(mubench_, finished, tmp_path):
    report = shutil.copytree(finished / "report", tmp_path / "report")
    store = finished / "store"
    assert mubench_("leaderboard", "--store", store, "--out", "board")[0] == 0
    both = ("store", "verify", "--folder", report, "--folder", "board")
    assert mubench_(*both)[:2] == (0, f"{report}, board: 0 damaged or missing\n")
    (report / "main.csv").write_bytes(b"")
    next(Path("board/rows").iterdir()).unlink()
    code, out, _ = mubench_(*both)
    assert code == 1
    assert f"{report}/main.csv: damaged: does not match its checksum in SHA256SUMS" in out
    assert f"{report}, board: 2 damaged or missing" in out
    code, _, err = mubench_("store", "verify", "--folder", store)
    assert code == 2
    assert "no SHA256SUMS in it" in only_line(err)
