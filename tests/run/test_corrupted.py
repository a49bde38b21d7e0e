"""A request to forget the discovered wrong labels: steps on digits with a tiny recipe."""

import numpy as np
import pytest

from mubench.catalogue import cards
from mubench.data.dataset import load_dataset
from mubench.run.trial import run_step
from mubench.run.tune.schedule import Schedule
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.steps import SMALL

SWEEP = {
    **SMALL,
    "grid": SMALL["grid"] | {"forget": [{"scenario": "corrupted", "discovered": 0.5}]},
    "methods": {"ft": {}},
    "search": {"trials": 1},
    "floor": 0,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The records of all steps, and a workspace on their store."""
    store = Store(str(tmp_path_factory.mktemp("store")))
    schedule, workspace = Schedule(make_plan(load.parse(SWEEP, "x")), {}), Workspace(store)
    while (ready := schedule.next()) is not None:
        schedule.finish(run_step(ready.step, workspace, ready.candidate))
    return schedule.records, schedule.plan, workspace


def true_labels():
    """Labels of all digits by id, as they are without an option."""
    clean = load_dataset(cards.dataset("digits").card, {}, ("train",), "cpu").train
    return dict(zip(clean.ids.tolist(), clean.labels.tolist(), strict=True))


def test_every_step_is_ok_and_forgets_half_of_the_wrong_labels(finished):
    records, plan, workspace = finished
    assert {(r.status, r.message) for r in records.values()} == {("ok", "")}
    true = true_labels()
    for step in plan.steps.values():
        if step.kind == "train":
            continue
        inputs = workspace.open(step)
        labels = dict(zip(inputs.train.ids.tolist(), inputs.train.labels.tolist(), strict=True))
        wrong = {i for i in labels if labels[i] != true[i]}
        assert len(wrong) == 40
        assert records[step.id].n_forget == len(inputs.forget) == 20
        assert set(inputs.forget.ids.tolist()) <= wrong
        assert records[step.id].scenario == "corrupted-0.5"


def test_corrected_accuracy_is_that_of_all_wrong_labels(finished):
    records, plan, workspace = finished
    true = true_labels()
    finals = [s for s in plan.steps.values() if s.kind == "final" and s.row is not None]
    assert finals
    for step in finals:
        outputs = workspace.open(step).stored_outputs()
        right = [
            int(np.argmax(logits)) == true[int(i)]
            for part in (outputs.forget, outputs.retain)
            for i, label, logits in zip(part.ids, part.labels, part.logits, strict=True)
            if label != true[int(i)]
        ]
        assert len(right) == 40
        found = records[step.id].metrics["corrected_accuracy"]
        assert found == pytest.approx(sum(right) / 40, abs=1e-12)
        assert "search_overlap" in records[step.id].flags


def test_original_and_retrain_have_it_too(finished):
    records, *_ = finished
    others = [r for r in records.values() if r.kind == "retrain" or r.row == "original"]
    others = [r for r in others if r.purpose == "final"]
    assert len(others) == 2
    assert all(0 <= r.metrics["corrected_accuracy"] <= 1 for r in others)
