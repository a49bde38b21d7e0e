"""Paired comparisons of two rows over the requests they share.

The test is the exact sign-flip (permutation) test of the mean difference: under the null
hypothesis every difference could as well have had the other sign.
"""

import math
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt

from mubench.report.aggregate import Cell, Estimate, Row, estimate

FEWEST = 6
"""Final requests below which no verdict is given: with 3 the smallest p-value is 0.25."""
LEVEL = 0.05
EXACT_UP_TO = 16
"""Beyond 2**16 sign patterns the test draws that many at random, always the same."""
Rank = Literal["", "best", "second"]
BACKBONES = {"ugradsl": "ga", "ugradsl_plus": "ft"}
"""The method that each builds on (the paper's own comparison; methods differ by smoothing)."""


@dataclass(frozen=True)
class Comparison:
    """`first` against `second`: mean of their paired Avg. Gap differences, in fractions."""

    first: Row
    second: Row
    difference: Estimate
    """first - second: negative where first is closer to Retrain."""
    interval: tuple[float, float] | None
    """95 % t-interval of the mean difference; None for one request."""
    p_value: float

    @property
    def verdict(self) -> str:
        """`closer`, `farther`, `cannot be told apart`, or `undecided` below six requests."""
        if self.difference.n < FEWEST:
            return "undecided"
        if self.p_value > LEVEL:
            return "cannot be told apart"
        return "closer" if self.difference.mean < 0 else "farther"


def compare(first: Row, second: Row) -> Comparison | None:
    """Compare two rows on the requests that both have; None where they share none."""
    gaps = [
        {r.request: r.metrics["gap"] for r in row.scored if "gap" in r.metrics}
        for row in (first, second)
    ]
    shared = sorted(gaps[0].keys() & gaps[1].keys())
    if not shared:
        return None
    differences = [gaps[0][request] - gaps[1][request] for request in shared]
    mean = estimate(differences)
    return Comparison(first, second, mean, t_interval(mean), sign_flip_p(differences))


def t_interval(mean: Estimate) -> tuple[float, float] | None:
    """Return the 95 % t-interval of a mean of paired differences."""
    if mean.spread is None:
        return None
    from scipy.special import stdtrit  # here: it costs more than the rest of the report's numbers

    half = float(stdtrit(mean.n - 1, 0.975)) * mean.spread / math.sqrt(mean.n)
    return mean.mean - half, mean.mean + half


def sign_flip_p(differences: list[float]) -> float:
    """Return the two-sided p-value of the sign-flip test of the mean.

    >>> sign_flip_p([1.0, 2.0, 3.0])
    0.25
    """
    n = len(differences)
    signs: npt.NDArray[np.float64]
    if n <= EXACT_UP_TO:
        signs = np.array(list(product((1.0, -1.0), repeat=n)))
    else:
        signs = np.random.default_rng(0).choice((1.0, -1.0), size=(2**EXACT_UP_TO, n))
        signs[0] = 1.0
    sums = np.abs(signs @ np.array(differences))
    observed = abs(math.fsum(differences))
    return float(np.mean(sums >= observed - 1e-12))


def against_closest(cell: Cell, selection: str) -> tuple[Comparison, ...]:
    """Compare the row closest to Retrain with each other complete row of the selection."""
    ranked = cell.ranked(selection)
    found = [compare(ranked[0], other) for other in ranked[1:]]
    return tuple(comparison for comparison in found if comparison)


def against_backbones(cell: Cell, selection: str) -> tuple[Comparison, ...]:
    """Compare UGradSL with GA and UGradSL+ with FT, every smoothing rate on its own."""
    complete = {row.label: row for row in cell.methods if row.selection == selection}
    found = [
        compare(row, complete[BACKBONES[row.method]])
        for row in complete.values()
        if BACKBONES.get(row.method) in complete
    ]
    return tuple(comparison for comparison in found if comparison)


def marks(cell: Cell) -> dict[tuple[str, str], Rank]:
    """Say which rows are `best` and `second` in Avg. Gap within their selection; ties share."""
    found: dict[tuple[str, str], Rank] = {}
    for selection in {row.selection for row in cell.methods}:
        ranked = cell.ranked(selection)
        values = sorted({row.estimates["gap"].mean for row in ranked})
        for row in ranked:
            place = values.index(row.estimates["gap"].mean)
            if place < 2:
                found[row.label, selection] = "second" if place else "best"
    return found
