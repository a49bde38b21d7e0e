"""Paired comparisons of two rows over the requests they share, and which rows are compared."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, TypeVar

from mubench.catalogue import cards
from mubench.errors import plural
from mubench.report.analysis.aggregate import SELECTIONS, Cell, Estimate, Row, estimate
from mubench.report.analysis.format import format_p, format_percent
from mubench.report.analysis.significance import (
    Verdict,
    fewest_pairs,
    holm,
    independent,
    letters,
    mean_interval,
    share_interval,
    tuned_p,
    verdict,
)
from mubench.store.record import Record

Rank = Literal["", "best", "second"]


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Differences of Avg. Gap between two rows on the requests that both have; fractions."""

    differences: tuple[float, ...]
    """First less second by request: negative where the first is closer to Retrain.

    Requests that share a training or a forget set count as one, their mean; see `independent`.
    """
    requests: int
    """Number of requests that they come from."""
    luck: float
    """Standard deviation of the mean difference that comes from tuning; see `tuning_luck`."""
    p_value: float
    """Of the exact sign-flip test, or of the test that allows for `luck`: the larger one."""
    p_holm: float
    """Corrected for the comparisons of its family."""
    family: int = 1
    """Number of comparisons that are corrected for."""

    @property
    def difference(self) -> Estimate:
        """Mean and spread of the differences."""
        return estimate(self.differences)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the mean difference; None for one request.

        Of the bootstrap over requests, widened by the luck in tuning.
        """
        return mean_interval(self.differences, self.luck)

    @property
    def wins(self) -> int:
        """Pairs in which first is closer to Retrain."""
        return sum(value < 0 for value in self.differences)

    @property
    def count(self) -> str:
        """The pairs in words: `6 requests`, `9 requests in 3 independent groups`."""
        n = len(self.differences)
        requests = plural(self.requests, "request")
        return requests if n == self.requests else f"{requests} in {plural(n, 'independent group')}"

    @property
    def evidence(self) -> str:
        """The p-value, the pairs, and how much of the difference tuning gives, in words."""
        luck = f", luck in tuning {format_percent(self.luck)} points" if self.luck else ""
        return f"{format_p(self.p_value)}, {self.count}{luck}"

    @property
    def improvement(self) -> float:
        """Probability of improvement: of the pairs with a winner, the share that first wins.

        Agarwal et al. 2021, but over pairs: both rows have the same requests. 0.5 where all
        are ties.
        """
        decided = sum(value != 0 for value in self.differences)
        return self.wins / decided if decided else 0.5

    @property
    def improvement_interval(self) -> tuple[float, float]:
        """Exact 95 % interval of `improvement`."""
        decided = sum(value != 0 for value in self.differences)
        return share_interval(self.wins, decided) if decided else (0.0, 1.0)

    @property
    def needs(self) -> int:
        """Requests below which no comparison of this family could be decided."""
        return fewest_pairs(self.family)

    @property
    def verdict(self) -> Verdict:
        """`closer`, `farther`, `no significant difference`, or `too few requests` to decide."""
        return verdict(self.differences, self.p_holm, self.family)


P = TypeVar("P", bound=Paired)


@dataclass(frozen=True, kw_only=True)
class Comparison(Paired):
    """`first` against `second`, two rows of one cell."""

    first: Row
    second: Row


def compare(first: Row, second: Row) -> Comparison | None:
    """Compare two rows on the requests that both have; None where they share none."""
    of_first, of_second = _with_gap(first), _with_gap(second)
    shared = sorted(of_first.keys() & of_second.keys())
    if not shared:
        return None
    differences = independent(
        [of_first[name].metrics["gap"] - of_second[name].metrics["gap"] for name in shared],
        [of_first[name].seed_train for name in shared],
        [forget_set(of_first[name]) for name in shared],
    )
    luck = math.hypot(*(row.luck("gap") or 0.0 for row in (first, second)))
    p_value = tuned_p(differences, luck)
    return Comparison(
        first=first,
        second=second,
        differences=differences,
        requests=len(shared),
        luck=luck,
        p_value=p_value,
        p_holm=p_value,
    )


def _with_gap(row: Row) -> dict[str, Record]:
    return {r.request: r for r in row.scored if math.isfinite(r.metrics.get("gap", math.nan))}


def forget_set(record: Record) -> str:
    """Return what identifies the forget set of a record within its cell."""
    drawn = f"{record.seed_forget} {record.forget_classes}"
    return record.forget_hash or drawn


def corrected(family: Iterable[P]) -> tuple[P, ...]:
    """Correct a family of comparisons by Holm."""
    pairs = tuple(family)
    adjusted = holm([pair.p_value for pair in pairs])
    return tuple(
        replace(pair, p_holm=p, family=len(pairs)) for pair, p in zip(pairs, adjusted, strict=True)
    )


def all_pairs(ranked: Sequence[Row]) -> tuple[Comparison, ...]:
    """Compare every pair of rows, the better one first, corrected for all of them."""
    comparisons = (compare(first, second) for first, second in combinations(ranked, 2))
    return corrected(pair for pair in comparisons if pair)


def against_closest(pairs: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """Pick the comparisons of the row closest to Retrain out of all pairs."""
    return tuple(pair for pair in pairs if pair.first.label == pairs[0].first.label)


def against_backbones(cell: Cell, selection: str) -> tuple[Comparison, ...]:
    """Compare each row with the row of the method that its card says it builds on.

    Each is one comparison that was planned before anything ran: it is not corrected. Rows that
    are not ranked, because numbers are missing or all diverged, are not compared.
    """
    ranked = cell.ranked(selection)
    complete = {row.label: row for row in cell.methods if row in ranked}
    comparisons = [
        compare(row, complete[base])
        for row in complete.values()
        if (base := _builds_on(row.method)) in complete
    ]
    return tuple(comparison for comparison in comparisons if comparison)


def _builds_on(method: str) -> str:
    card = cards.find_method(method)
    return card.builds_on if card else ""


def groups(ranked: Sequence[Row], pairs: Iterable[Comparison]) -> Mapping[str, str]:
    """Return the letters of ranked rows by label: rows that share none differ significantly."""
    different = {
        frozenset((pair.first.label, pair.second.label))
        for pair in pairs
        if pair.verdict in ("closer", "farther")
    }
    return letters([row.label for row in ranked], different)


def marks(cell: Cell) -> dict[tuple[str, str], Rank]:
    """Say which rows are `best` and `second` in Avg. Gap within their selection."""
    return {
        (label, selection): rank
        for selection in SELECTIONS
        for label, rank in best_two(
            {row.label: row.estimates["gap"].mean for row in cell.ranked(selection)}
        ).items()
    }


K = TypeVar("K")


def best_two(gaps: Mapping[K, float]) -> dict[K, Rank]:
    """Return which are `best` and `second`; equal gaps share a place.

    >>> best_two({"ft": 0.1, "ga": 0.3, "iu": 0.1})
    {'ft': 'best', 'iu': 'best', 'ga': 'second'}
    """
    ranks: tuple[Rank, ...] = ("best", "second")
    return {
        name: rank
        for rank, value in zip(ranks, sorted(set(gaps.values())), strict=False)
        for name, gap in gaps.items()
        if gap == value
    }


@dataclass(frozen=True)
class Verdicts:
    """Which rows of one cell differ significantly, by selection."""

    pairs: Mapping[str, tuple[Comparison, ...]]
    """All pairs of ranked rows, the closest row's first."""
    planned: Mapping[str, tuple[Comparison, ...]]
    """Comparisons planned before the run: a method and the one that it builds on."""
    letters: Mapping[tuple[str, str], str]
    """By row label and selection; within tuned `a`, `b`, within defaults `A`, `B`."""


def judge(cell: Cell) -> Verdicts:
    """Compare the rows of a cell, tuned rows and defaults each among themselves."""
    pairs = {selection: all_pairs(cell.ranked(selection)) for selection in SELECTIONS}
    row_letters = {
        (label, selection): letter.upper() if selection == "default" else letter
        for selection in SELECTIONS
        for label, letter in groups(cell.ranked(selection), pairs[selection]).items()
    }
    planned = {selection: against_backbones(cell, selection) for selection in SELECTIONS}
    return Verdicts(pairs, planned, row_letters)
