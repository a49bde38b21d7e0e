"""`mubench reproduce`: the same numbers again, and what is said where they are not the same."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mubench.cli.reproduce_text import verdict
from mubench.data import forget_file
from mubench.report.build import build
from mubench.run import reproduce, trial
from mubench.run.compare_records import compare_records
from mubench.run.export_forget_sets import export_forget_sets
from mubench.run.open_sweep import open_sweep
from mubench.run.step_result import refused
from mubench.store.lookup import find_in_store, parse_sweep
from mubench.store.results_files import read_folder
from mubench.store.store import Store
from mubench.sweep import step_ids
from mubench.sweep.planner import make_plan
from tests.support.found_records import LATE, only
from tests.support.sweep_world import MEASURED, TINY, finish, write


def fingerprints(store):
    """Content and time of every file."""
    return {
        path: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in Path(store.uri).rglob("*")
        if path.is_file()
    }


def without_measured(record):
    return {name: value for name, value in record.metrics.items() if name not in MEASURED}


@pytest.fixture
def trained(monkeypatch):
    """The kinds of the steps that train a model from now on."""
    kinds, train = [], trial._trained

    def watched(inputs, *given):
        kinds.append(inputs.step.kind)
        return train(inputs, *given)

    monkeypatch.setattr(trial, "_trained", watched)
    return kinds


def test_every_step_gives_its_numbers_again_and_leaves_the_store_alone(copied_store, trained):
    """Another store, this process, no Ray: bit for bit the same, whatever the kind of step."""
    before = fingerprints(copied_store)
    records = sorted(copied_store.records.read().values(), key=lambda r: (r.kind, r.id))
    assert [r.kind for r in records] == ["final"] * 3 + ["retrain"] * 3 + ["search"] * 2 + (
        ["train"] * 2
    )
    _, place = find_in_store(copied_store, records[0].id)
    found = reproduce.find_steps(place, records)
    again = list(reproduce.run_again(found, place))
    assert [now.id for now in again] == [r.id for r in records]
    for then, now in zip(records, again, strict=True):
        assert without_measured(now) == without_measured(then)
        assert (now.params, now.candidate) == (then.params, then.candidate)
        assert now.forget_hash == then.forget_hash
        assert compare_records(then, now).is_equal
    assert trained == ["retrain"] * 3 + ["train"] * 2  # themselves; for others they were copied
    assert fingerprints(copied_store) == before


def test_a_damaged_reference_is_trained_and_stays_as_it_is(copied_store, trained):
    record = only(copied_store.records.read().values(), selection="default")
    retrain = only(
        copied_store.records.read().values(), kind="retrain", request=record.request, replica=0
    )
    weights = Path(copied_store.uri, "artefacts", retrain.unlearn_id, "retain.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1])
    before = fingerprints(copied_store)
    _, place = find_in_store(copied_store, record.id)
    [now] = reproduce.run_again(reproduce.find_steps(place, [record]), place)
    assert compare_records(record, now).is_equal
    assert trained == ["retrain"]
    assert fingerprints(copied_store) == before


def test_a_report_without_its_store_is_enough(finished, tmp_path, mubench_, monkeypatch, trained):
    """All that a stranger has: references are trained, then the tuned step runs."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished / "report", "theirs")
    record = only(Store(str(finished / "store")).records.read().values(), selection="tuned")
    code, out, err = mubench_("reproduce", record.id[:8], "--report", "theirs")
    assert (code, err) == (0, "")
    said = " ".join(out.split())
    assert record.forget_hash in said
    assert "set batch_size = 32" in said
    assert f"learning_rate = {record.params['learning_rate']}" in said
    assert f"candidate {record.candidate} of 2" in said
    assert "seeds train 0, forget 0" in said
    assert trained == ["train", "retrain"]
    compared = len(without_measured(record))
    assert said.endswith(f"Equal: {compared} of {compared} metrics are equal.")
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def by_files(folder):
    """The tiny sweep's forget sets as files, and changes to it that name them."""
    export_forget_sets(open_sweep(write(folder / "x.yaml"), "none").plan, folder / "sets", None)
    names = {p: str(next(folder.glob(f"sets/*-{p}-*"))) for p in ("search", "final")}
    shutil.move(names["search"], folder / "set.json")
    shutil.move(names["final"], folder / "sets" / "set.json")  # two files of one name
    files = {"search_files": "set.json", "final_files": ["sets/set.json"]}
    grid = {**TINY["grid"], "forget": [{"scenario": "index", **files}]}
    return {"grid": grid, "floor": 0, "search": {"trials": 1}}


def test_a_report_carries_the_forget_sets_that_files_named(tmp_path, mubench_):
    """A stranger has the report, and none of the files of the machine that it came from."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    opened = open_sweep(write(theirs / "x.yaml", **by_files(theirs)), str(theirs / "store"))
    records = finish(opened)
    build(opened.source, tmp_path / "report")
    shutil.rmtree(theirs)
    forget_file.read_forget_file.cache_clear()
    assert str(theirs) not in (tmp_path / "report" / "plan.json").read_text()
    record = only(records.values(), row="original")
    code, out, err = mubench_("reproduce", record.id, "--report", tmp_path / "report")
    assert (code, err) == (0, "")
    assert "another id" not in out
    source = read_folder(tmp_path / "report")
    assert make_plan(parse_sweep(source)).steps.keys() == opened.plan.steps.keys()


def test_a_number_that_the_step_does_not_give_is_named(copied_store, mubench_):
    record = only(copied_store.records.read().values(), selection="default")
    spoiled = {**record.metrics, "ta": record.metrics["ta"] + 1e-12, "rte_seconds": 1e6}
    copied_store.records.append(replace(record, metrics=spoiled, created=LATE))
    code, out, _ = mubench_("reproduce", record.id, "--store", copied_store.uri)
    assert code == 1
    assert out.splitlines()[-1].endswith("metrics differs (ta).")
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.strip()}
    assert (lines["ta"][-1], lines["ua"][-1], lines["rte_seconds"][-1]) == ("≠", "=", "compared")
    assert "environment" not in lines


def test_another_environment_is_printed_and_has_a_tolerance(copied_store, mubench_):
    record = only(copied_store.records.read().values(), row="original")
    one_example = 1 / record.n_forget
    copied_store.records.append(
        replace(
            record,
            metrics={**record.metrics, "ua": record.metrics["ua"] + one_example},
            device="abacus",
            threads=7,
            commit="0123abc",
            versions={**record.versions, "torch": "0.1", "ray": record.versions["ray"]},
            created=LATE,
        )
    )
    code, out, _ = mubench_("reproduce", record.id, "--store", copied_store.uri)
    assert code == 0
    said = [" ".join(line.split()) for line in out.splitlines()]
    begin = said.index("environment then now")
    assert said[begin + 2 : begin + 6] == [
        f"device abacus {record.device}",
        "threads 7 1",
        f"commit 0123abc {record.commit}".strip(),
        f"torch 0.1 {record.versions['torch']}",
    ]
    assert said[-1].startswith("Equal: 1 of ")


def test_changed_code_is_said_and_runs(copied_store, mubench_, monkeypatch, trained):
    """Every id is another: references are not taken from the store, numbers are the same."""
    monkeypatch.setattr(step_ids, "source_id", lambda *modules: "other code")
    record = only(copied_store.records.read().values(), selection="tuned")
    copied_store.records.append(replace(record, commit="0123abc", created=LATE))
    code, out, _ = mubench_("reproduce", record.id, "--store", copied_store.uri)
    said = " ".join(out.split())
    assert "Re-running with current code" in said
    assert "(commit 0123abc then, " in said
    assert (code, trained) == (0, ["train", "retrain"])


def test_a_step_is_found_by_what_it_is_whatever_its_id(copied_store, monkeypatch):
    records = copied_store.records.read()
    _, place = find_in_store(copied_store, next(iter(records)))
    planned = {one.step.id: one for one in reproduce.find_steps(place, records.values())}
    assert not any(one.has_changed for one in planned.values())
    monkeypatch.setattr(step_ids, "source_id", lambda *roots: "other code")
    for one in reproduce.find_steps(place, records.values()):
        then = planned[one.record.id]
        assert one.has_changed
        assert one.step.names == then.step.names
        assert one.step.unlearn_id != then.step.unlearn_id


def test_a_gpu_that_is_not_there_is_one_line(copied_store, mubench_, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    record = only(copied_store.records.read().values(), row="original")
    code, _, err = mubench_("reproduce", record.id, "--store", copied_store.uri, "--device", "cuda")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "no GPU here" in err


def test_another_forget_set_is_another_request(copied_store, mubench_):
    record = only(copied_store.records.read().values(), row="original")
    copied_store.records.append(replace(record, forget_hash="ab" * 32, created=LATE))
    code, _, err = mubench_("reproduce", record.id, "--store", copied_store.uri)
    assert code == 2
    assert "forgets other examples now" in err
    assert f"then {'ab' * 6}" in err


def test_a_refusal_is_refused_again(tmp_path, mubench_):
    sweep = write(tmp_path / "tiny.yaml", methods={"boundary_shrink": {}})
    opened = open_sweep(sweep, str(tmp_path / "store"))
    opened.save()
    finals = [step for step in opened.plan.steps.values() if step.kind == "final"]
    step = only(finals, method="boundary_shrink", selection="default")
    opened.store.records.append(refused(step, step.refusal))
    code, out, _ = mubench_("reproduce", step.id, "--store", tmp_path / "store")
    assert code == 0
    last = " ".join(out.split())
    assert last.endswith(f"Equal: refused ({step.refusal}) both times.")


def test_a_step_that_had_nothing_to_select_is_judged_by_its_search(copied_store, mubench_):
    records = copied_store.records.read().values()
    tuned = only(records, selection="tuned")
    reason = "nothing to select: no candidate of the search finished"
    nothing = replace(tuned, status="refused", message=reason, params={}, candidate=-1, metrics={})
    copied_store.records.append(replace(nothing, created=LATE))
    code, _, err = mubench_("reproduce", tuned.id, "--store", copied_store.uri)
    assert code == 2
    assert "does not say which hyperparameters" in err
    for one in [r for r in records if r.kind == "search"]:
        copied_store.records.append(replace(one, status="diverged", created=LATE))
    code, out, _ = mubench_("reproduce", tuned.id, "--store", copied_store.uri)
    assert code == 0
    assert f"refused ({reason}) both times" in " ".join(out.split())


def test_a_step_that_failed_then_and_not_now_is_different(copied_store, mubench_):
    """Its worker was lost, and its record has no hyperparameters: those of the plan count."""
    record = only(copied_store.records.read().values(), selection="default")
    lost = {"status": "error", "message": "it [b]broke[/b]", "metrics": {}, "params": {}}
    failed = replace(record, **lost, created=LATE)
    copied_store.records.append(failed)
    code, out, _ = mubench_("reproduce", record.id, "--store", copied_store.uri)
    assert code == 1
    assert out.splitlines()[-1] == "Different: failed (it [b]broke[/b]) then, completed now."
    _, place = find_in_store(copied_store, record.id)
    [now] = reproduce.run_again(reproduce.find_steps(place, [failed]), place)
    assert now.params == record.params
    assert verdict(compare_records(failed, failed)) == "Equal: failed (it [b]broke[/b]) both times."
    assert not compare_records(failed, replace(failed, message="otherwise")).is_equal
