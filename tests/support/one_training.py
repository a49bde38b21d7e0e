"""One training of a sweep as a command, which a test may kill and start again.

python -m tests.support.one_training STORE KIND runs it, and stops at SIGTERM with exit code 143.
"""

import signal
import subprocess
import sys
from functools import cache

from mubench.errors import Interrupted
from mubench.run.stop import request_stop
from mubench.run.trial import run_step
from mubench.run.workspace import Workspace
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.paths import ROOT
from tests.support.small_sweep import changed
from tests.support.steps import SMALL

EPOCHS = 60


@cache
def long_training(kind, **changes):
    """An original or a Retrain of a second, with some fifty checkpoints."""
    long = {"training": {"epochs": EPOCHS}, "checkpoint": "0.02s", "shared": {}}
    plan = make_plan(load.parse(changed(SMALL, **{**long, **changes}), "x"))
    return next(step for step in plan.steps.values() if step.kind == kind)


def begin(store, kind):
    """The command, on its way."""
    command = [sys.executable, "-m", "tests.support.one_training", str(store), kind]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def main(store, kind):
    signal.signal(signal.SIGTERM, lambda *_: request_stop())
    try:
        record = run_step(long_training(kind), Workspace(Store(store)))
    except Interrupted as error:
        sys.stdout.write(f"{error}\n")
        sys.exit(143)
    sys.exit(record.message or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
