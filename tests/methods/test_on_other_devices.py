"""Every method on another device than the CPU: simulated everywhere, and on a GPU where one is."""

import warnings
from dataclasses import replace

import pytest
import torch

from mubench.methods.base import DescentMethod
from mubench.methods.contract.access_clauses import (
    prepared_tensors_are_reusable,
    same_seed_gives_same_weights,
)
from mubench.methods.contract.case import Case
from mubench.methods.contract.run_clauses import (
    accepts_dict_inputs,
    device_and_dtype_are_unchanged,
    reports_divergence_on_nan,
)
from tests.support.every_method import NAMES, every_name
from tests.support.simulated_device import SimulatedDevice
from tests.support.variants import VARIANTS

CLAUSES = (
    accepts_dict_inputs,
    device_and_dtype_are_unchanged,
    prepared_tensors_are_reusable,
    reports_divergence_on_nan,
    same_seed_gives_same_weights,
)
"""What a device could break."""
TOLERANCE = 1e-6
"""Between weights of a CPU and of a GPU, both in float64, over the largest weight."""
STEPWISE = [name for name in NAMES if issubclass(Case(name).type, DescentMethod)]


@pytest.fixture(autouse=True)
def as_workers_have_it(monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)


def on(device, name, changes=None):
    """A case whose toy data and model lie on a device."""
    case = Case(name, changes)
    case.request = replace(case.request, device=device)
    return case


def is_simulated(name, changes):
    """Dual numbers need memory of their own, and there is no autocast on `meta`."""
    solver = changes.get("solver", "cg" if name == "iu" else None)
    return solver in (None, "woodfisher_exact") and changes.get("alpha") != "adaptive"


SIMULATED = [
    pytest.param(name, changes, id=" ".join([name, *map(str, changes.values())]))
    for name in NAMES
    for changes in ({}, *VARIANTS.get(name, ()))
    if is_simulated(name, changes)
]


@pytest.mark.parametrize(("name", "changes"), SIMULATED)
def test_a_method_gives_the_same_weights_on_a_simulated_device(name, changes):
    here = Case(name, changes).run()
    with SimulatedDevice():
        there = on("meta", name, changes).run()
        found = {key: value.cpu() for key, value in there.model.state_dict().items()}
    assert here.status == there.status == "ok"
    for key, value in here.model.state_dict().items():
        assert torch.equal(found[key], value)


def run_with(case, batch_size, watch):
    """Run with batches of a size on data that lie on the device already."""
    sizes = {name: batch_size for name in case.settings if name.endswith("batch_size")}
    original, task = case.request.original(), case.request.task()
    with watch as seen:
        case.run(original=original, task=task, changes=sizes)
    return seen


@pytest.mark.parametrize("name", STEPWISE)
def test_no_step_makes_the_host_wait_for_the_device(name):
    """With half the batch size there are twice the steps, and no more waits."""
    found = []
    for batch_size in (4, 8):
        with SimulatedDevice() as device:
            found.append(run_with(on("meta", name), batch_size, device.counted()))
    assert found[0] == found[1]


def flat(model):
    return torch.cat([v.cpu().double().flatten() for v in model.state_dict().values()])


@pytest.mark.gpu
@every_name
@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_a_method_keeps_the_contract_on_a_gpu(clause, name):
    clause(on("cuda", name))


@pytest.mark.gpu
@every_name
def test_a_cpu_and_a_gpu_agree(name):
    """In float64, so that what is left is a mistake and no rounding that a method magnifies."""
    found = []
    for device in ("cpu", "cuda"):
        case = on(device, name)
        case.request = replace(case.request, dtype=torch.float64)
        found.append(flat(case.run().model))
    here, there = found
    assert (there - here).abs().max() <= TOLERANCE * here.abs().max()


class Waits:
    """Counts the operations for which the host waits, by the warnings that torch gives."""

    def __enter__(self):
        self._caught = warnings.catch_warnings(record=True)
        self._warnings = self._caught.__enter__()
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        return self

    def __exit__(self, *error):
        torch.cuda.set_sync_debug_mode("default")
        self._caught.__exit__(*error)

    @property
    def count(self):
        return sum("synchronizing" in str(warning.message) for warning in self._warnings)


@pytest.mark.gpu
@pytest.mark.parametrize("name", STEPWISE)
def test_no_step_makes_the_host_wait_for_a_gpu(name):
    case = on("cuda", name)
    case.run()  # loads kernels
    few, many = (run_with(case, batch_size, Waits()).count for batch_size in (8, 4))
    assert many == few
