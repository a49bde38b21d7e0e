"""How far Retrains of one request lie apart, and whether two rows are measured to the same one."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mubench.leaderboard.row import BoardRow
from mubench.leaderboard.row_fields import Measured, Values
from mubench.metrics.gap import gap
from mubench.report.analysis.aggregate import estimate

EQUAL = 1e-9
"""Below this two Retrains are the same one, where nobody knows the noise."""


@dataclass(frozen=True)
class Noise:
    """The Avg. Gap between Retrains of the same request with other seeds, a fraction."""

    mean: float
    percentile_95: float
    pairs: int


def noise_of(retrain: BoardRow | None) -> Noise | None:
    """Return the noise floor that a Retrain's row holds; None where nothing was retrained twice."""
    requests = retrain.requests if retrain else ()
    apart = [
        found
        for held in requests
        for one, other in combinations((held.retrain, *held.replicas), 2)
        if (found := distance(one, other)) is not None
    ]
    if not apart:
        return None
    return Noise(estimate(apart).mean, float(np.percentile(apart, 95)), len(apart))


def distance(one: Values, other: Values) -> float | None:
    """Return the Avg. Gap between two models' values; None where they share none."""
    if not one.terms.keys() & other.terms.keys():
        return None
    return gap(one.terms, other.terms).value


def has_other_retrain(one: Measured, other: Measured, noise: Noise | None) -> bool:
    """Whether two measurements of a request are taken to different Retrains, beyond the noise."""
    apart = distance(one.retrain, other.retrain)
    return apart is None or apart > max(EQUAL, noise.percentile_95 if noise else 0.0)
