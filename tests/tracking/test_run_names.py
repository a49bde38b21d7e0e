"""Names of runs in a sweep of two models."""

import pytest

from mubench.sweep.load import load
from mubench.sweep.planner import make_plan
from mubench.tracking.run_names import RunNames, cell_names


@pytest.fixture(scope="module")
def plan():
    changes = ["grid.model=[small_cnn, vgg_small]", "methods={ga: {}}", "claims=[]"]
    return make_plan(load("quickstart", changes).spec)


def test_a_model_is_named_where_the_sweep_has_several_and_the_data_set_is_not(plan):
    assert set(cell_names(plan).values()) == {
        f"{model}/{forget}"
        for model in ("small_cnn", "vgg_small")
        for forget in ("random-0.1", "class")
    }
    assert list(cell_names(plan)) == list(plan.cells)


def test_a_row_and_a_training_have_the_name_of_their_cell_and_seed(plan):
    names = RunNames(plan)
    steps = list(plan.steps.values())
    trainings = {names.step(step, -1) for step in steps if step.kind == "train"}
    assert "Training · vgg_small · train=0" in trainings
    rows = {names.row(step) for step in steps if step.kind != "train"}
    assert rows == {
        f"{title} · {cell}"
        for title in ("Retrain", "Original", "GA")
        for cell in cell_names(plan).values()
    }
