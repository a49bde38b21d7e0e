"""What a completed sweep leaves in its store, where it keeps its records alone."""

import shutil

import pytest

from mubench.run.open_sweep import open_sweep
from mubench.run.tune.resume import usable_records
from mubench.store.results_files import read_results
from mubench.store.retention import has_no_outputs, release_outputs
from mubench.store.store import Store
from mubench.store.verify import problems_of
from tests.support.sweep_world import all_values, finish, write


@pytest.fixture
def opened(copied_store, finished):
    return open_sweep(str(finished / "tiny.yaml"), copied_store.uri)


def test_outputs_go_and_records_stay(opened):
    before = all_values(opened.store.records.read())
    assert not has_no_outputs(opened.store, opened.source)
    assert release_outputs(opened.store, "tiny") == 7  # 2 originals, 3 Retrains, 2 final steps
    assert not opened.store.artefacts.ids()
    assert all_values(opened.store.records.read()) == before
    assert has_no_outputs(opened.store, opened.source)
    assert len(usable_records(opened.plan, opened.store)) == len(opened.plan.steps)
    assert not list(problems_of(opened.store))
    assert release_outputs(opened.store, "tiny") == 0


def test_what_another_sweep_plans_stays_until_it_is_released_too(opened, tmp_path):
    other = open_sweep(write(tmp_path / "o.yaml", name="other", floor=0), opened.store.uri)
    other.save()  # all that it plans is there; it has no replica
    assert release_outputs(opened.store, "tiny") == 1
    shared = {step.unlearn_id for step in other.plan.steps.values()}
    assert opened.store.artefacts.ids() < shared
    assert release_outputs(opened.store, "other") == 6
    assert not opened.store.artefacts.ids()


@pytest.mark.filterwarnings("ignore:.*missing.*made again")
def test_a_later_run_that_needs_a_reference_makes_it_again(opened, tmp_path):
    release_outputs(opened.store, "tiny")
    methods = {"ga": {}, "ft": {"epochs": 1}}
    more = open_sweep(write(tmp_path / "m.yaml", methods=methods), opened.store.uri)
    known = usable_records(more.plan, more.store)
    assert {step.kind for key, step in more.plan.steps.items() if key not in known} == {
        *("train", "retrain", "search", "final")
    }
    finish(more)
    assert {record.status for record in more.store.records.read().values()} == {"ok"}


def test_scoring_says_in_one_line_that_outputs_were_not_kept(opened, mubench_):
    release_outputs(opened.store, "tiny")
    code, _, error = mubench_("score", "tiny", "--store", opened.store.uri)
    assert code == 2
    assert error.startswith("mubench: tiny: its outputs were not kept (store.keep: records)")
    assert error.count("\n") == 1


def test_what_is_kept_is_in_no_id(opened, tmp_path):
    kept = open_sweep(write(tmp_path / "k.yaml", store={"keep": "records"}), opened.store.uri)
    assert kept.plan.steps.keys() == opened.plan.steps.keys()
    assert (opened.plan.keep, kept.plan.keep) == ("outputs", "records")


@pytest.mark.usefixtures("plain_environment")
def test_a_completed_run_deletes_what_it_does_not_keep(finished, tmp_path, mubench_):
    shutil.copytree(finished / "store", tmp_path / "store")
    sweep = write(tmp_path / "tiny.yaml", store={"keep": "records"})
    code, out, _ = mubench_("run", sweep, "--store", tmp_path / "store", "--no-mlflow")
    assert code == 0
    assert "store.keep: records: outputs of 7 steps deleted" in out
    assert not list((tmp_path / "store" / "artefacts").rglob("*.safetensors"))
    code, out, _ = mubench_("run", sweep, "--store", tmp_path / "store", "--no-mlflow")
    assert code == 0
    assert "10 of 10 steps completed" in out
    assert "deleted" not in out
    examples = read_results(Store(str(tmp_path / "store")), "tiny").examples
    assert all(shown.confidences for shown in examples.cells.values())  # made before they went
    code, out, _ = mubench_("store", "verify", "--store", tmp_path / "store")
    assert code == 0
