"""How long a sync is tried while MLflow is busy, and what its attempts wrote together."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from mubench.errors import TrackingBusy

PATIENCE_SECONDS = 120.0
"""Without a written run, before a sync gives up."""
TOTAL_SECONDS = 3600.0
"""For a whole sync with a server: one that writes a run each minute would hold it for days."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 15.0

_Result = TypeVar("_Result")


def _silent(_: str) -> None:
    pass


class Attempts:
    """The attempts at one sync.

    Each attempt reads anew what the server has, so that none repeats what an earlier one wrote.
    They go on until one succeeds, until no run was written for `patience` seconds, or until the
    `total` is over.

    Args:
        patience: seconds; 0 for a single attempt.
        total: seconds for all attempts together.
        tell: takes a line for the user, before the first pause.
    """

    def __init__(
        self,
        patience: float = 0.0,
        tell: Callable[[str], None] = _silent,
        total: float = TOTAL_SECONDS,
    ) -> None:
        self.created = 0
        self.completed = 0
        self._patience = patience
        self._tell = tell
        self._end = time.monotonic() + total
        self._was_told = False
        self._counting = threading.Lock()
        self._renew()

    def left(self) -> float:
        """How many seconds are left for all attempts together."""
        return self._end - time.monotonic()

    def wrote(self, *, is_new: bool) -> None:
        """Count a run that was written, which renews the patience; any thread may call it."""
        with self._counting:
            self.created += is_new
            self.completed += not is_new
            self._renew()

    def succeed(self, attempt: Callable[[], _Result]) -> _Result:
        """Call until it succeeds; once more after a failure.

        A server may still carry out a request that its client gave up: the last call finds that.

        Raises:
            TrackingBusy: the patience is over.
        """
        has_failed = False
        while True:
            try:
                result = attempt()
            except TrackingBusy as error:
                self._wait(error)
                has_failed = True
                continue
            if not has_failed:
                return result
            has_failed = False

    def _renew(self) -> None:
        self._until = time.monotonic() + self._patience
        self._pause = FIRST_PAUSE_SECONDS

    def _wait(self, error: TrackingBusy) -> None:
        if time.monotonic() + self._pause > min(self._until, self._end):
            raise error
        if not self._was_told:
            self._was_told = True
            self._tell(f"{error}; trying again for {self._patience:.0f} s")
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
