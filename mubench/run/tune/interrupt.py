"""Ctrl-C, and the signals of schedulers: trainings keep a checkpoint, then the run ends."""

import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from mubench.run.tune.messages import Start

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""Of a person, of whoever ends processes, and of Slurm some minutes before it does."""
PATIENCE_SECONDS = 60.0
"""How long workers may take to keep their checkpoints."""


@dataclass
class Interruption:
    """The signal that ended a run, if one did."""

    signum: int | None = None

    def install(self) -> None:
        """Turn the signals into KeyboardInterrupt; Ray puts its own handler in place of ours."""
        if threading.current_thread() is threading.main_thread():
            for each in SIGNALS:
                signal.signal(each, self._note)

    def _note(self, signum: int, frame: object) -> None:
        self.signum = signum
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Leave the context at a signal, and note which one it was."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    interruption.install()
    try:
        yield interruption
    except KeyboardInterrupt:
        interruption.signum = interruption.signum or signal.SIGINT
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def stop_workers(starts: Iterable[Start]) -> None:
    """Ask workers to keep their checkpoints and to end; wait until they have, but not for ever."""
    by_node: dict[str, list[int]] = {}
    for start in starts:
        by_node.setdefault(start.node, []).append(start.pid)
    asked = [
        ray.remote(stop_processes)
        .options(num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))
        .remote(pids, PATIENCE_SECONDS)
        for node, pids in by_node.items()
    ]
    ray.wait(asked, num_returns=len(asked), timeout=PATIENCE_SECONDS + 10)


def stop_processes(pids: Iterable[int], patience: float) -> None:
    """Send SIGTERM to processes of this machine, and wait until they are gone."""
    left = set(pids)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while left and time.monotonic() < deadline:
        time.sleep(0.1)
        left = {pid for pid in left if _lives(pid)}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
