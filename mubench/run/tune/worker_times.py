"""What workers do with their time."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from mubench.store.run_log import Doing


class WorkerTimes:
    """Seconds of all workers of a run by what they did."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._done: defaultdict[Doing, float] = defaultdict(float)
        self._doing: dict[str, tuple[Doing, float]] = {}

    def begin(self, worker: str, doing: Doing) -> None:
        """A worker does something else from now on."""
        self.end(worker)
        self._doing[worker] = (doing, self._clock())

    def end(self, worker: str) -> None:
        """A worker does nothing more: it is gone."""
        if worker in self._doing:
            doing, since = self._doing.pop(worker)
            self._done[doing] += self._clock() - since

    @property
    def seconds(self) -> Mapping[Doing, float]:
        """Until now."""
        now = self._clock()
        found = dict(self._done)
        for doing, since in self._doing.values():
            found[doing] = found.get(doing, 0.0) + now - since
        return found
