"""A method at work on a step's request: the original stays, and the cost is counted."""

import pytest
import torch

from mubench.run.trial import run_step
from mubench.run.unlearning import cost_of, unlearn
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep.steps import Candidate, FinalStep
from tests.support.steps import PLAN

STEP = next(
    step
    for step in PLAN.steps.values()
    if isinstance(step, FinalStep) and step.row is not None and step.row.method == "ga"
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """With the references of one final step of GA."""
    workspace = Workspace(Store(str(tmp_path_factory.mktemp("store"))))
    for key in (STEP.train_id, STEP.retrain_id):
        step = next(s for s in PLAN.steps.values() if s.unlearn_id == key)
        assert run_step(step, workspace).status == "ok"
    return workspace


def test_the_original_stays_and_two_runs_are_the_same(workspace):
    workspace.configure(STEP)
    inputs = workspace.open(STEP)
    before = [value.clone() for value in inputs.original.state_dict().values()]
    one, other = (unlearn(inputs, STEP.row, Candidate(STEP.defaults)).model for _ in range(2))
    assert all(map(torch.equal, before, inputs.original.state_dict().values()))
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))
    moved = [not torch.equal(a, b) for a, b in zip(before, one.state_dict().values(), strict=True)]
    assert any(moved)


def test_costs_are_those_of_the_examples_that_went_through(workspace):
    inputs = workspace.open(STEP)
    epochs = STEP.defaults["epochs"]
    cost = cost_of(inputs, unlearn(inputs, STEP.row, Candidate(STEP.defaults)))
    seen = epochs * len(inputs.forget)
    assert cost["forward_examples"] == cost["backward_examples"] == seen
    assert cost["flops"] == seen * sum(inputs.flops)
    assert cost["weight_change"] > 0
