"""The tree of runs, and what has been sent."""

import pytest

from mubench.store.scores import Score
from mubench.store.sealed import to_json
from mubench.tracking import tracker as tracking
from tests.support.tracked_world import SHORT, World, shown

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


def test_a_metric_that_comes_later_has_not_been_sent(world: World):
    world.record()
    world.store.save_sweep("quickstart", {}, world.plan.steps)
    given = (world.plan, world.store, world.outline, world.uri)
    assert not tracking._was_sent(*given)
    marker = tracking._marker(world.plan)
    world.store.files.write(marker, to_json({"sent": tracking._digest(*given)}))
    assert tracking._was_sent(*given)
    key = next(iter(world.plan.steps))
    world.store.scores.write("rmia_auc", "code", {key: Score(0.5, "inputs", "2026-02-04")})
    assert not tracking._was_sent(*given)


def test_runs_form_a_tree_of_sweep_rows_and_final_steps(world: World):
    world.record()
    world.sync()
    runs = world.runs()
    names = {run.info.run_id: name for name, run in runs.items()}
    above = {
        name: names.get(run.data.tags.get("mlflow.parentRunId", "")) for name, run in runs.items()
    }
    requests = [f"forget={k} train={k}" for k in (0, 1)]
    rows = {f"{row} · {SHORT}": "quickstart" for row in ("FT", "GA", "Retrain", "Original")}
    finals = {
        f"{row} {selection} · {SHORT} · {request}": f"{row} · {SHORT}"
        for row in ("FT", "GA")
        for selection in ("default", "tuned")
        for request in requests
    }
    references = {
        f"{row} · {SHORT} · {request}": f"{row} · {SHORT}"
        for row in ("Original", "Retrain")
        for request in requests
    }
    assert above == {
        "quickstart": None,
        **rows,
        **finals,
        **references,
        f"Retrain · {SHORT} · forget=100 train=100": f"Retrain · {SHORT}",
        **{f"Training · train={k}": "quickstart" for k in (0, 1, 100)},
    }
    assert {run.info.status for run in runs.values()} == {"FINISHED"}


def test_runs_of_an_earlier_version_are_completed_under_their_new_names(world: World):
    from mlflow import MlflowClient

    world.record()
    world.sync()
    wanted = shown(world)
    parents = {name: run.data.tags.get("mlflow.parentRunId") for name, run in world.runs().items()}
    client = MlflowClient(tracking_uri=world.uri)
    runs = world.runs()
    for name, run in runs.items():
        client.set_tag(run.info.run_id, "mlflow.runName", f"old {name}")
        for tag in ("mlflow.runColor", "mlflow.note.content"):
            if tag in run.data.tags:
                client.delete_tag(run.info.run_id, tag)
        if run.data.tags["kind"] == "row":
            client.set_tag(run.info.run_id, "kind", "study")
        if run.data.tags["kind"] == "retrain":
            client.set_tag(run.info.run_id, "mlflow.parentRunId", runs["quickstart"].info.run_id)
    done = world.sync()
    assert (done.created, done.completed) == (0, len(runs))
    assert shown(world) == wanted
    assert parents == {
        name: run.data.tags.get("mlflow.parentRunId") for name, run in world.runs().items()
    }
