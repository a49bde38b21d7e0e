"""What a step's run shows: params, metrics, failures."""

import pytest

from tests.support.tracked_world import CELL, SHORT, World, record_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


def test_a_final_step_shows_its_params_metrics_tags_and_times(world: World):
    world.record(commit="0123abc", versions={"torch": "2.13"}, forget_hash="ab12")
    world.sync()
    run = world.runs()[f"FT tuned · {SHORT} · forget=1 train=1"]
    finals = [step for step in world.plan.steps.values() if step.kind == "final"]
    step = next(s for s in finals if (s.label, s.selection) == ("ft", "tuned"))
    assert {"lr": "0.1", "epochs": "2", "seed_train": "1"}.items() <= run.data.params.items()
    assert run.data.metrics == {"gap": 1.1, "ua": 0.25, "seconds": 1.5}, "inf is left out"
    expected = {
        "status": "ok",
        "selection": "tuned",
        "cell": CELL,
        "row": "ft",
        "forget_hash": "ab12",
        "versions": "torch 2.13",
        "mlflow.source.git.commit": "0123abc",
        "mubench.study": step.study.id,
    }
    assert expected.items() <= run.data.tags.items()
    assert run.data.tags["mubench.record"] in world.plan.steps
    assert (run.info.start_time, run.info.end_time) == (1770091505289, 1770091506789)


def test_a_failure_shows_and_its_retry_may_have_other_params(world: World):
    world.record()
    failing = next(
        s for s in world.plan.steps.values() if s.kind == "final" and s.selection == "tuned"
    )
    failed = record_of(failing, status="error", message="no luck", traceback="x" * 9000, metrics={})
    world.store.records.append(failed)
    world.sync()
    name = f"FT tuned · {SHORT} · forget=0 train=0"
    run = world.runs()[name]
    assert (run.info.status, run.data.tags["mlflow.note.content"]) == ("FAILED", "no luck")
    assert world.runs()[f"FT · {SHORT}"].info.status == "FAILED"
    assert world.runs()["quickstart"].info.status == "FAILED"
    again = record_of(failing, params={"lr": 0.7}, created="2026-02-03T05:00:00+00:00")
    world.store.records.append(again)
    world.sync()
    run = world.runs()[name]
    assert (run.info.status, run.data.params["lr"]) == ("FINISHED", "0.7")
    assert world.runs()["quickstart"].info.status == "FINISHED"


def test_search_steps_are_runs_only_when_asked_for(world: World):
    world.record()
    few = world.sync().runs
    assert world.sync(searches=True).created == 6
    run = world.runs()[f"GA candidate 2 · {SHORT} · forget=100 train=100"]
    parent = world.runs()[f"GA · {SHORT}"].info.run_id
    assert (run.data.metrics["objective"], run.data.tags["mlflow.parentRunId"]) == (0.3, parent)
    assert world.sync().runs == few
    assert run.data.tags["plan"] == "current"
