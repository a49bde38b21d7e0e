"""Steps that can run now, in the order in which they should."""

import heapq
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Where a step stands in the order: `length` is the time from its start to the sweep's end.

    It counts the step and the longest chain of those that wait for it, in trials.
    """

    order: tuple[int, int]
    """Kind and number in the plan: trainings first, finals last, cell by cell."""
    length: float
    key: str


Rank = tuple[bool, float, tuple[int, int]]
"""Compares steps: the smallest is the next."""


@dataclass
class ReadySteps:
    """Ready steps of one share.

    They run in the order of the plan, so that a worker keeps the data that it has loaded; but
    what begins a chain that is long beside all that is left comes first, lest the sweep end with
    one worker that works and the rest that watch.
    """

    _planned: list[tuple[tuple[int, int], str]] = field(default_factory=list)
    _longest: list[tuple[float, tuple[int, int], str]] = field(default_factory=list)
    _places: dict[str, Place] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._places)

    def push(self, place: Place) -> None:
        """Add a step."""
        self._places[place.key] = place
        heapq.heappush(self._planned, (place.order, place.key))
        heapq.heappush(self._longest, (-place.length, place.order, place.key))

    def first(self, left: float) -> Rank:
        """The rank of the next step, with all workers busy for `left` trials still."""
        place, urgent = self._next(left), self.is_urgent(left)
        return (not urgent, -place.length if urgent else 0.0, place.order)

    def pop(self, left: float) -> str:
        """Take the next step."""
        return self._places.pop(self._next(left).key).key

    @property
    def longest(self) -> float:
        """The length of the longest chain that begins here."""
        return self._most_urgent().length

    def is_urgent(self, left: float) -> bool:
        """Whether the longest chain is long beside what is left."""
        return self.longest >= 0.5 * left

    def _next(self, left: float) -> Place:
        if self.is_urgent(left):
            return self._most_urgent()
        while self._planned[0][1] not in self._places:
            heapq.heappop(self._planned)
        return self._places[self._planned[0][1]]

    def _most_urgent(self) -> Place:
        while self._longest[0][2] not in self._places:
            heapq.heappop(self._longest)
        return self._places[self._longest[0][2]]
