"""A workspace sets its process to a step, and opens the step's inputs."""

import pytest
import torch

from mubench.run.step_inputs import RetrainInputs, StepInputs, UnlearnInputs
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from tests.support.plans import planned
from tests.support.sweep_world import TINY

PLAN = planned(TINY)
INPUTS = {
    "train": StepInputs,
    "retrain": RetrainInputs,
    "search": UnlearnInputs,
    "final": UnlearnInputs,
}


@pytest.fixture
def process():
    """Torch's settings, as they were before."""
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    yield
    torch.set_num_threads(threads)
    torch.set_default_dtype(dtype)
    torch.set_grad_enabled(True)


@pytest.mark.usefixtures("process")
def test_settings_of_an_earlier_step_are_undone(tmp_path):
    workspace = Workspace(Store(str(tmp_path)))
    step = next(iter(PLAN.steps.values()))
    workspace.configure(step)
    first = torch.rand(3)
    torch.set_num_threads(2)
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    workspace.configure(step)
    assert torch.get_num_threads() == step.execution.threads == 1
    assert (torch.get_default_dtype(), torch.is_grad_enabled()) == (torch.float32, True)
    assert torch.equal(torch.rand(3), first), "dropout draws depend on an earlier step"


def test_each_kind_of_step_gets_its_inputs(tmp_path):
    workspace = Workspace(Store(str(tmp_path)))
    opened = {step.kind: type(workspace.open(step)) for step in PLAN.steps.values()}
    assert opened == INPUTS
