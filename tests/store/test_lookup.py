"""Records are found by ids, in stores and in reports."""

import shutil
from dataclasses import replace

import pytest

from mubench.errors import InputError
from mubench.store.lookup import find_in_report, parse_sweep
from mubench.store.results import SweepResults
from mubench.store.sealed import from_json, to_json
from tests.support.found_records import LATE, only
from tests.support.sweep_world import TINY


def test_a_sweep_that_names_files_of_another_machine_says_which(tmp_path):
    """Reports of an older mubench have the paths of forget sets; folders are never carried."""
    gone = str(tmp_path / "gone.json")
    forget = {"scenario": "index", "search_files": [gone], "final_files": [gone]}
    for changes in ({"forget": [forget]}, {"dataset": [{"path": gone}]}):
        node = {**TINY, "grid": {**TINY["grid"], **changes}}
        with pytest.raises(InputError) as caught:
            parse_sweep(SweepResults("x", "", (), (), (), {}, "", document=node))
        assert f"ran on a machine that has {gone}: copy it to that path here" in str(caught.value)
        assert "\n" not in str(caught.value)
    wrong = {**TINY, "grid": {**TINY["grid"], "forget": [{"scenario": "x"}]}}
    with pytest.raises(InputError, match="unknown scenario") as caught:
        parse_sweep(SweepResults("x", "", (), (), (), {}, "", document=wrong))
    assert "names" not in str(caught.value)


def test_a_record_of_an_older_sweep_is_found_in_the_saved_ones(copied_store, mubench_):
    record = only(copied_store.records.read().values(), row="original")
    copied_store.records.append(replace(record, id="f00df00d"))
    code, out, _ = mubench_("reproduce", "f00df00d", "--store", copied_store.uri)
    assert code == 0
    assert "Re-running with current code" in out
    copied_store.records.append(replace(record, id="f00df00d", request="another", created=LATE))
    code, out, err = mubench_("reproduce", "f00df00d", "--store", copied_store.uri)
    assert (code, out) == (2, "")
    assert "no step of tiny" in err


def test_ids_that_name_no_record_or_several(copied_store, finished, mubench_):
    record = only(copied_store.records.read().values(), row="original")
    copied_store.records.append(replace(record, id=f"{record.id[:-1]}x"))
    asked = {
        "abc": "at least its first 6 digits",
        "ffffff": f"no record in store {copied_store.uri}",
        record.id[:6]: f"{record.id} (final original {record.request}), {record.id[:-1]}x (",
    }
    for row, words in asked.items():
        code, out, err = mubench_("reproduce", row, "--store", copied_store.uri)
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert words in err
    code, _, err = mubench_("reproduce", "ffffff", "--report", finished / "report")
    assert code == 2
    assert f"no record in report {finished / 'report'}" in err


def test_a_report_of_an_older_mubench_says_what_to_do(copied_store, finished, tmp_path):
    folder = shutil.copytree(finished / "report", tmp_path / "report")
    plan = folder / "plan.json"
    node = from_json(plan.read_bytes(), "plan")
    del node["sweep"]
    plan.write_bytes(to_json(node))
    with pytest.raises(InputError, match="run the sweep once more"):
        find_in_report(folder, next(iter(copied_store.records.read())))
