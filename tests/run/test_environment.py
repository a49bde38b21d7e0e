"""What a record says of where it was made."""

import os
import platform
import subprocess
from pathlib import Path

import pytest
import torch

from mubench.run import environment
from mubench.run.environment import commit, device_name, is_alone, is_exclusive, versions
from mubench.sweep.load import parse
from mubench.sweep.planner import make_plan
from tests.support.sweep_world import TINY


def step(device, threads=1, gpu=0.0):
    made = make_plan(
        parse({**TINY, "resources": {"train": {"cpu": threads, "gpu": gpu}}}, "x"), device
    )
    return next(iter(made.steps.values()))


def test_a_step_has_a_processor_to_itself_with_all_of_its_threads():
    assert is_exclusive(step("cpu", threads=os.cpu_count()).execution)
    assert is_exclusive(step("cpu", threads=1).execution) is (os.cpu_count() == 1)


@pytest.mark.parametrize(("share", "expected"), [(1.0, True), (0.5, False)])
def test_a_step_has_a_gpu_to_itself_with_a_whole_one(share, expected):
    assert is_exclusive(step("cuda", gpu=share).execution) is expected


@pytest.mark.parametrize(
    ("device", "gpu", "of_machine", "expected"),
    [("cpu", 0, 4, True), ("cpu", 0, 8, False), ("cuda", 1, 8, True), ("cuda", 0.5, 4, False)],
)
def test_a_part_of_a_machine_is_not_alone_on_it(monkeypatch, device, gpu, of_machine, expected):
    """A container with 4 processors; the machine has as many, or more."""
    monkeypatch.setattr(environment, "usable_cpus", lambda: 4)
    monkeypatch.setattr(os, "cpu_count", lambda: of_machine)
    assert is_alone(step(device, threads=4, gpu=gpu).execution) is expected


def test_a_step_with_one_of_two_processors_is_not_alone(monkeypatch):
    monkeypatch.setattr(environment, "usable_cpus", lambda: 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert not is_alone(step("cpu", threads=1).execution)


def test_a_driver_without_a_gpu_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_name("cuda") == "no GPU here"
    assert device_name("cpu") not in ("", "no GPU here")


def test_versions_are_those_that_are_installed():
    found = versions()
    assert found["python"] == platform.python_version()
    assert torch.__version__.startswith(found["torch"])


def test_a_commit_is_that_of_the_checkout_and_marked_where_files_were_changed():
    root = Path(environment.__file__)
    asked = ["git", "-C", str(root.parent), "rev-parse", "--short=12", "HEAD"]
    head = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    assert commit().removesuffix("+") == head
