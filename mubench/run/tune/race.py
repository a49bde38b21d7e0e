"""Who goes on in a search, and who wins it: a race of candidates over requests.

Pure, and a function of the objectives alone: who computed them, and when, does not matter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from mubench.catalogue.ranges import Scalar
from mubench.store.record import WORST, Record

Objectives = Mapping[int, Sequence[float]]
"""By number of a candidate: its objective on each request that it has run on so far."""


def promoted(results: Objectives, places: int) -> tuple[int, ...]:
    """Candidates that run on the next request: the defaults (0), then the best others by mean.

    The first of equals comes first. The defaults always go on, so that no search loses to them by
    the luck of one request.
    """
    others = sorted((k for k in results if k), key=lambda k: (fmean(results[k]), k))
    return (0, *others[: places - 1])


def select(results: Objectives) -> int:
    """The winner among candidates that ran on the same requests: the best by mean objective."""
    return min(results, key=lambda k: (fmean(results[k]), k))


@dataclass
class Race:
    """A search as far as it has come."""

    params: Mapping[int, Mapping[str, Scalar]]
    """Hyperparameters by number of the candidate."""
    objectives: dict[int, list[float]] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    """Candidates that failed on some request."""

    def note(self, number: int, record: Record) -> None:
        """Add what a candidate did on its next request; where it failed, the worst objective."""
        self.objectives.setdefault(number, []).append(record.metrics.get("objective", WORST))
        if record.status != "ok":
            self.failed.add(number)

    def after(self, requests: int) -> Objectives:
        """Of the candidates that ran on so many requests: their objectives on these."""
        return {k: v[:requests] for k, v in self.objectives.items() if len(v) >= requests}
