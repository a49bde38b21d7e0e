"""Portable steps keep to AVX2, in a process that loaded torch for them."""

import subprocess
import sys

import pytest
import torch

from mubench.run.instructions import keep_to, limited_to
from mubench.run.trial import run_step
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP, changed

NAMES = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR")


@pytest.fixture
def unlimited(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("unlimited")
def test_torch_obeys_only_what_it_finds_when_it_is_loaded():
    assert limited_to() == ""
    assert not keep_to("AVX2"), "torch is loaded here"
    assert limited_to() == "AVX2"
    assert keep_to("AVX2"), "as far as anyone can tell"
    code = (
        "from mubench.run.instructions import keep_to\n"
        "assert keep_to('AVX2')\n"
        "import torch\n"
        "from mubench.run.environment import numerics\n"
        "print(numerics('cpu'))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "{'capability': 'AVX2', 'limit': 'AVX2'}"


@pytest.mark.usefixtures("unlimited")
def test_a_portable_step_is_not_run_with_other_instructions(tmp_path):
    plan = make_plan(load.parse(changed(SWEEP, portable=True), "x"))
    step = next(iter(plan.steps.values()))
    record = run_step(step, Workspace(Store(str(tmp_path))))
    assert record.status == "error"
    assert "this step is to keep to AVX2, and torch was loaded with" in record.message


def test_the_ids_of_a_portable_sweep_are_its_own():
    plain = make_plan(load.parse(SWEEP, "x"))
    portable = make_plan(load.parse(changed(SWEEP, portable=True), "x"))
    assert not plain.steps.keys() & portable.steps.keys()
    assert len(plain.steps) == len(portable.steps)


def test_a_record_says_which_instructions_made_it(tmp_path):
    plan = make_plan(load.parse(changed(SWEEP, training={"epochs": 1}), "x"))
    record = run_step(next(iter(plan.steps.values())), Workspace(Store(str(tmp_path))))
    assert record.numerics["capability"] == torch.backends.cpu.get_cpu_capability()
