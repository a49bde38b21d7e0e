"""Requests to forget discovered wrong labels and poisons: steps on digits with a tiny recipe."""

import numpy as np
import pytest
import torch

from mubench.catalogue import cards
from mubench.data.dataset import load_dataset
from mubench.run.trial import run_step
from mubench.run.tune.schedule import Schedule
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.steps import SMALL

OPTIONS = {"flip_labels": {"flip_labels": 0.2}, "trigger": {"trigger": {"share": 0.2, "to": 3}}}


def plan_of(options):
    grid = {
        "dataset": [{"name": "digits", "train_size": 200, **options}],
        "model": ["small_cnn"],
        "forget": [{"scenario": "corrupted", "discovered": 0.5}],
    }
    few = {"methods": {"ft": {}}, "search": {"trials": 1}, "floor": 0, "controls": []}
    return make_plan(load.parse({**SMALL, "grid": grid, **few}, "x"))


@pytest.fixture(scope="module", params=OPTIONS)
def finished(request, tmp_path_factory):
    """The records of all steps, their plan, and a workspace on their store."""
    store = Store(str(tmp_path_factory.mktemp("store")))
    schedule, workspace = Schedule(plan_of(OPTIONS[request.param]), {}), Workspace(store)
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


def test_the_triggers_success_is_that_of_images_stamped_by_hand(finished):
    """The original's: its weights are in the store. A white pixel of digits has the value 16."""
    records, plan, workspace = finished
    step = next(s for s in plan.steps.values() if s.kind == "final" and s.row is None)
    inputs = workspace.open(step)
    if "flip_labels" in step.training.dataset.options:
        assert not any("trigger_success" in r.metrics for r in records.values())
        return
    test = inputs.holdout_splits["test"]
    batch = test.take(torch.arange(len(test)))
    batch.inputs[:, :, -3:, -3:] = (16 / 16 - 0.3053) / 0.3761
    with torch.no_grad():
        answers = inputs.original(batch.inputs).argmax(1)
    expected = (answers[batch.labels != 3] == 3).double().mean().item()
    assert records[step.id].metrics["trigger_success"] == pytest.approx(expected, abs=1e-12)
    finals = [
        r for r in records.values() if r.kind in ("retrain", "final") and r.purpose == "final"
    ]
    assert len(finals) == 4
    assert all(0 <= r.metrics["trigger_success"] <= 1 for r in finals)


def test_the_name_of_the_data_has_the_trigger():
    cells = plan_of(OPTIONS["trigger"]).cells
    assert cells == ("digits[train_size=200,trigger=0.2+3]/small_cnn/corrupted-0.5",)
