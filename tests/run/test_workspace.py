"""A workspace sets its process to a step, and opens the step's inputs."""

import pytest
import torch

from mubench.run.environment import numerics
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
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    gpu = matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark
    yield
    matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark = gpu
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


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("asked", [True, False])
def test_tf32_is_as_the_sweep_asks_and_recorded(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share: None)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = not asked
    step = next(iter(planned({**TINY, "tf32": asked}, "cuda").steps.values()))
    Workspace(Store(str(tmp_path))).configure(step)
    found = numerics("cuda")["tf32 (matmul, cuDNN)"]
    assert found == ("on, on" if asked else "off, on")


def test_each_kind_of_step_gets_its_inputs(tmp_path):
    workspace = Workspace(Store(str(tmp_path)))
    opened = {step.kind: type(workspace.open(step)) for step in PLAN.steps.values()}
    assert opened == INPUTS
