"""Whole steps on another device than the CPU: simulated everywhere, on a GPU where one is."""

from dataclasses import replace

import pytest
import torch

from mubench.methods.ga import GA
from mubench.run.trial import run_step
from mubench.run.tune.schedule import Schedule
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.simulated_device import SimulatedDevice
from tests.support.sweep_world import TINY, values

SPEC = load.parse({**TINY, "evidence": ["relearn", "probe", "weights"]}, "x")
TOLERANCE = 0.05
"""Between accuracies of a CPU and of a GPU, which convolves in TF32: ten of 200 digits."""


def records_on(device, folder):
    """The records of the tiny sweep by the names of their steps, which no device is part of."""
    schedule, workspace = Schedule(make_plan(SPEC, device), {}), Workspace(Store(str(folder)))
    found = {}
    while (ready := schedule.next()) is not None:
        found[ready.step.names] = run_step(ready.step, workspace, ready.candidate)
        schedule.finish(found[ready.step.names])
    return found


def test_a_sweep_gives_the_same_numbers_on_a_simulated_device(tmp_path):
    here = records_on("cpu", tmp_path / "here")
    with SimulatedDevice():
        there = records_on("meta", tmp_path / "there")
    assert here.keys() == there.keys()
    for names, record in here.items():
        assert values(there[names]) == values(record)


@pytest.mark.gpu
def test_a_cpu_and_a_gpu_agree_on_a_sweep(tmp_path):
    here, there = (records_on(device, tmp_path / device) for device in ("cpu", "cuda"))
    compared = ("ra", "ta", "validation_accuracy")  # D_f has 20 examples
    for names, record in here.items():
        assert (record.status, there[names].status) == ("ok", "ok")
        for metric in set(compared) & record.metrics.keys():
            expected = pytest.approx(record.metrics[metric], abs=TOLERANCE)
            assert there[names].metrics[metric] == expected


@pytest.fixture
def search_step(tmp_path):
    """A search step on a GPU whose references are there, its workspace and its candidate."""
    schedule = Schedule(make_plan(SPEC, "cuda"), {})
    workspace = Workspace(Store(str(tmp_path)))
    while (ready := schedule.next()).step.kind != "search":
        schedule.finish(run_step(ready.step, workspace, ready.candidate))
    return ready.step, workspace, ready.candidate


@pytest.mark.gpu
def test_a_step_gives_its_memory_back(search_step):
    step, workspace, candidate = search_step
    held = []
    for _ in range(4):
        assert run_step(step, workspace, candidate).status == "ok"
        held.append(torch.cuda.memory_allocated())
    assert held[1] == held[2] == held[3]


@pytest.mark.gpu
def test_too_little_memory_is_a_row_and_the_next_step_runs(search_step, monkeypatch):
    def takes_all(self, model, task, prepared):
        torch.empty(2**50, dtype=torch.uint8, device=task.device)

    step, workspace, candidate = search_step
    with monkeypatch.context() as patch:
        patch.setattr(GA, "unlearn", takes_all)
        record = run_step(step, workspace, candidate)
    assert record.status == "out_of_memory"
    assert run_step(step, workspace, candidate).status == "ok"


@pytest.mark.gpu
def test_a_step_may_use_no_more_than_its_share(search_step):
    step, workspace, _ = search_step
    resources = step.execution.resources.model_copy(update={"gpu": 0.5})
    workspace.configure(replace(step, execution=replace(step.execution, resources=resources)))
    torch.cuda.empty_cache()
    free = torch.cuda.get_device_properties().total_memory
    try:
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(int(0.6 * free), dtype=torch.uint8, device="cuda")
    finally:
        workspace.configure(step)
