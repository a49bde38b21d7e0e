"""Where the time of a step goes: seconds by phase, kept by the process that runs it.

A phase within another counts as itself alone, so that phases add up to the time of the step.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, get_args

Phase = Literal[
    "import",
    "data",
    "training",
    "unlearning",
    "evaluation",
    "attack",
    "metrics",
    "evidence",
    "store",
]
PHASES: tuple[Phase, ...] = get_args(Phase)


class _Clock(threading.local):
    """Of one thread: the phases that it is in, and the seconds of those that it was in."""

    def __init__(self) -> None:
        self.inside: list[Phase] = []
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._since = 0.0

    def strike(self) -> None:
        """What passed since the last time goes to the innermost phase."""
        now = time.perf_counter()
        if self.inside:
            self.seconds[self.inside[-1]] += now - self._since
        self._since = now


_clock = _Clock()


@contextmanager
def phase(name: Phase) -> Iterator[None]:
    """What runs in this context, or in a function that it decorates, is this phase."""
    _clock.strike()
    _clock.inside.append(name)
    try:
        yield
    finally:
        _clock.strike()
        _clock.inside.pop()


def seconds_by_phase() -> dict[str, float]:
    """The wall seconds of this thread's phases since the last call, which begin anew."""
    _clock.strike()
    found = dict(_clock.seconds)
    _clock.seconds.clear()
    return found
