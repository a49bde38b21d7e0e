"""What a record says of where it was made."""

import os
import platform
import subprocess
from pathlib import Path

import pytest
import torch

from mubench.run import environment
from mubench.run.environment import commit, device_name, is_exclusive, versions
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
