"""What driver and workers tell each other travels small and whole, and loads nothing heavy."""

import pickle
import subprocess
import sys

from mubench.run.tune.messages import ReadyStep, Start
from mubench.sweep.steps import Candidate
from tests.support.plans import BASE


def test_a_step_travels_whole_and_alone():
    """The plan used to go to every worker: 41 MB of it for 93,000 steps."""
    for step in BASE.steps.values():
        ready = ReadyStep(step, Candidate({"alpha": -0.1}, 3), "not this one")
        sent = pickle.dumps(ready)
        assert pickle.loads(sent) == ready
        assert len(sent) < 20_000


def test_a_start_without_trouble_says_none():
    assert Start("node").problem == ""


def test_messages_load_neither_torch_nor_optuna():
    code = "import mubench.run.tune.messages, sys; print({'torch', 'optuna'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
