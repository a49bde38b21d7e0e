"""The noise floor of Retrains, and whether two rows are measured against the same Retrain."""

from itertools import combinations

from mubench.leaderboard.row import BoardRow
from mubench.leaderboard.row_fields import Measured, Values
from mubench.metrics.gap import gap
from mubench.report.analysis.noise import Floor, noise_floor

EQUAL = 1e-9
"""Where the noise is unknown, two Retrains that differ by less count as the same one."""


def noise_of(retrain: BoardRow | None) -> Floor | None:
    """Return the noise floor of a Retrain's row; None where no request was retrained twice."""
    return noise_floor(
        (one.terms, other.terms)
        for request in (retrain.requests if retrain else ())
        for one, other in combinations((request.retrain, *request.replicas), 2)
    )


def distance(one: Values, other: Values) -> float | None:
    """Return the Avg. Gap between two models' values; None where they share none."""
    if not one.terms.keys() & other.terms.keys():
        return None
    return gap(one.terms, other.terms).value


def has_other_retrain(one: Measured, other: Measured, noise: Floor | None) -> bool:
    """Whether two measurements of a request use Retrains that differ by more than the noise."""
    difference = distance(one.retrain, other.retrain)
    limit = max(EQUAL, noise.percentile_95["gap"] if noise else 0.0)
    return difference is None or difference > limit
