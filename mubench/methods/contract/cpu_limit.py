"""A limit on the CPU time of a run: waiting, for a download or for other processes, is free."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 60.0
"""Of one run of a method, and of all that a clause does beside its runs."""


class OutOfTime(BaseException):
    """A run or a clause used up its CPU time.

    No `Exception`: neither a method nor a clause may take it for an error of the method.
    """


@contextmanager
def cpu_limit() -> Iterator[None]:
    """Raise OutOfTime after SECONDS of the process's CPU time; a limit around it waits meanwhile.

    Outside of the main thread there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(signum: int, frame: FrameType | None) -> None:
        raise OutOfTime(f"more than {SECONDS:g} s of CPU time")

    before = signal.signal(signal.SIGPROF, ring)
    outer, _ = signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, outer)
        signal.signal(signal.SIGPROF, before)
