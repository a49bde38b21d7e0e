"""Every architecture on another device than the CPU: simulated everywhere, a GPU where one is."""

import copy

import pytest
import torch
from torch.nn import functional as F

from mubench.data.split import moved
from tests.support.built_models import BUILT, inputs_of, make
from tests.support.simulated_device import THERE, SimulatedDevice

TOLERANCE = 1e-4
"""Between logits and gradients, over the largest, in float32: attention has another kernel."""


def logits_and_gradients(model, inputs, device):
    model = copy.deepcopy(model).to(device)
    logits = model(moved(inputs, device))
    F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64).to(device)).backward()
    gradients = [p.grad.flatten() for p in model.parameters()]
    return [values.detach().cpu() for values in (logits, torch.cat(gradients))]


def assert_near(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= TOLERANCE * other.abs().max()


@pytest.mark.parametrize("name", BUILT)
def test_a_model_gives_the_same_on_a_simulated_device(name):
    model, inputs = make(name).eval(), inputs_of(name, 2)
    with SimulatedDevice():
        there = logits_and_gradients(model, inputs, THERE)
    assert_near(there, logits_and_gradients(model, inputs, torch.device("cpu")))


@pytest.mark.parametrize("name", BUILT)
def test_no_forward_pass_makes_the_host_wait(name):
    with SimulatedDevice() as device:
        model, inputs = make(name).to(THERE), moved(inputs_of(name, 2), THERE)
        with device.counted() as waits:
            model(inputs)
    assert not waits


@pytest.mark.gpu
@pytest.mark.parametrize("name", BUILT)
def test_a_model_gives_the_same_on_a_gpu(name):
    """In float64, where nothing is rounded to TF32."""
    model, inputs = make(name).eval().double(), inputs_of(name, 2)
    if isinstance(inputs, torch.Tensor):
        inputs = inputs.double()
    here, there = (
        logits_and_gradients(model, inputs, torch.device(kind)) for kind in ("cpu", "cuda")
    )
    assert_near(there, here)
