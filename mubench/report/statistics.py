"""Paired comparisons of two rows over the requests they share, and whom each row is compared to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, TypeVar

from mubench.report.aggregate import SELECTIONS, Cell, Estimate, Row, estimate
from mubench.report.inference import (
    Verdict,
    bootstrap_interval,
    fewest_pairs,
    holm,
    letters,
    share_interval,
    sign_flip_p,
    verdict,
)

Rank = Literal["", "best", "second"]
BACKBONES = {"ugradsl": "ga", "ugradsl_plus": "ft"}
"""The method that each builds on (the paper's own comparison; methods differ by smoothing)."""


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Differences of Avg. Gap between two rows on the requests that both have; fractions."""

    differences: tuple[float, ...]
    """First less second by request: negative where the first is closer to Retrain."""
    p_value: float
    """Of the exact sign-flip test."""
    p_holm: float
    """Corrected for the comparisons of its family."""
    family: int = 1
    """How many comparisons are corrected for."""

    @property
    def difference(self) -> Estimate:
        """Mean and spread of the differences."""
        return estimate(self.differences)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % bootstrap interval of the mean difference; None for one request."""
        return bootstrap_interval(self.differences)

    @property
    def wins(self) -> int:
        """Requests in which first is closer to Retrain."""
        return sum(value < 0 for value in self.differences)

    @property
    def improvement(self) -> float:
        """Probability of improvement: share of requests in which first is closer, ties half.

        Agarwal et al. 2021, but over pairs: both rows answered the same requests.
        """
        ties = sum(value == 0 for value in self.differences)
        return (self.wins + ties / 2) / len(self.differences)

    @property
    def improvement_interval(self) -> tuple[float, float]:
        """Exact 95 % interval of the share of requests with a winner that first wins."""
        decided = sum(value != 0 for value in self.differences)
        return share_interval(self.wins, decided) if decided else (0.0, 1.0)

    @property
    def needs(self) -> int:
        """Requests below which no comparison of this family could be decided."""
        return fewest_pairs(self.family)

    @property
    def verdict(self) -> Verdict:
        """`closer`, `farther`, `cannot be told apart`, or `undecided` with too few requests."""
        return verdict(self.differences, self.p_holm, self.family)


P = TypeVar("P", bound=Paired)


@dataclass(frozen=True, kw_only=True)
class Comparison(Paired):
    """`first` against `second`, two rows of one cell."""

    first: Row
    second: Row


def compare(first: Row, second: Row) -> Comparison | None:
    """Compare two rows on the requests that both have; None where they share none."""
    gaps = [_gaps(row) for row in (first, second)]
    shared = sorted(gaps[0].keys() & gaps[1].keys())
    if not shared:
        return None
    differences = tuple(gaps[0][request] - gaps[1][request] for request in shared)
    p_value = sign_flip_p(differences)
    return Comparison(
        first=first, second=second, differences=differences, p_value=p_value, p_holm=p_value
    )


def _gaps(row: Row) -> dict[str, float]:
    return {r.request: r.metrics["gap"] for r in row.scored if "gap" in r.metrics}


def corrected(family: Iterable[P]) -> tuple[P, ...]:
    """Correct a family of comparisons by Holm."""
    held = tuple(family)
    adjusted = holm([pair.p_value for pair in held])
    return tuple(
        replace(pair, p_holm=p, family=len(held)) for pair, p in zip(held, adjusted, strict=True)
    )


def all_pairs(ranked: Sequence[Row]) -> tuple[Comparison, ...]:
    """Compare every pair of rows, the better one first, corrected for all of them."""
    found = (compare(first, second) for first, second in combinations(ranked, 2))
    return corrected(pair for pair in found if pair)


def against_closest(pairs: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Pick the comparisons of the row closest to Retrain out of all pairs."""
    return tuple(pair for pair in pairs if pair.first.label == pairs[0].first.label)


def against_backbones(cell: Cell, selection: str) -> tuple[Comparison, ...]:
    """Compare UGradSL with GA and UGradSL+ with FT, every smoothing rate on its own.

    Each is one comparison that was planned before anything ran: it is not corrected.
    """
    complete = {row.label: row for row in cell.methods if row.selection == selection}
    found = [
        compare(row, complete[BACKBONES[row.method]])
        for row in complete.values()
        if BACKBONES.get(row.method) in complete
    ]
    return tuple(comparison for comparison in found if comparison)


def groups(ranked: Sequence[Row], pairs: Iterable[Comparison]) -> Mapping[str, str]:
    """Return the letters of ranked rows by label: rows that share one cannot be told apart."""
    apart = {
        frozenset((pair.first.label, pair.second.label))
        for pair in pairs
        if pair.verdict in ("closer", "farther")
    }
    return letters([row.label for row in ranked], apart)


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


@dataclass(frozen=True)
class Verdicts:
    """Who can be told from whom in one cell, by selection."""

    pairs: Mapping[str, tuple[Comparison, ...]]
    """All pairs of ranked rows, the closest row's first."""
    planned: Mapping[str, tuple[Comparison, ...]]
    """Comparisons that stood before the numbers: a method and the one that it builds on."""
    letters: Mapping[tuple[str, str], str]
    """By row label and selection; within tuned `a`, `b`, within defaults `A`, `B`."""


def judge(cell: Cell) -> Verdicts:
    """Compare the rows of a cell, tuned rows and defaults each among themselves."""
    pairs = {selection: all_pairs(cell.ranked(selection)) for selection in SELECTIONS}
    found = {
        (label, selection): letter.upper() if selection == "default" else letter
        for selection in SELECTIONS
        for label, letter in groups(cell.ranked(selection), pairs[selection]).items()
    }
    planned = {selection: against_backbones(cell, selection) for selection in SELECTIONS}
    return Verdicts(pairs, planned, found)
