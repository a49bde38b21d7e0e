"""How each row was tuned: its candidates, and its gap in the search and in the final steps."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from mubench.report.analysis.aggregate import Cell, Row
from mubench.report.analysis.format import row_title
from mubench.store.record import WORST, Record

BUDGETS = (5, 20)
"""Smaller budgets that are reported too: the best objective with fewer candidates."""


@dataclass(frozen=True)
class Study:
    """One search: one row of one cell under one budget; objectives are fractions."""

    row: str
    title: str
    is_proxy: bool
    """Whether the objective is `retrain_free`, a proxy for Avg. Gap that needs no Retrain."""
    trials: int
    """Budget in candidates."""
    completed: int
    """Candidates that completed all their requests."""
    objectives: tuple[tuple[int, float], ...]
    """Candidate number and objective (mean over the search requests), in order of number."""
    chosen: int
    """The candidate that the final steps ran; -1 where none was."""
    final: float | None
    """Mean Avg. Gap of the tuned final steps."""
    seconds: float
    """Wall time of all search steps together."""
    records: tuple[Record, ...]

    @property
    def best_so_far(self) -> tuple[tuple[int, float], ...]:
        """Candidate number and the smallest objective up to it."""
        numbers = [number for number, _ in self.objectives]
        values = [value for _, value in self.objectives]
        return tuple(zip(numbers, accumulate(values, min), strict=True))

    def best_of(self, budget: int) -> float | None:
        """The smallest objective of the first `budget` candidates; None where not all ran."""
        values = [value for number, value in self.objectives if number < budget]
        return min(values) if len(values) == budget else None

    @property
    def search_gap(self) -> float | None:
        """The chosen candidate's objective in the search."""
        return dict(self.objectives).get(self.chosen)

    @property
    def optimism(self) -> float | None:
        """Final gap minus search gap; None where the objective is another quantity."""
        if self.is_proxy or self.final is None or self.search_gap is None:
            return None
        return self.final - self.search_gap


def studies(cell: Cell, objective: str = "avg_gap") -> tuple[Study, ...]:
    """Return the studies of a cell in the order of the sweep file's rows.

    `objective` is that of the sweep file: `avg_gap` or `retrain_free`.
    """
    tuned = {row.label: row for row in cell.methods if row.selection == "tuned"}
    return tuple(
        _study(label, searched, tuned.get(label), is_proxy=objective != "avg_gap")
        for label, searched in cell.searched.items()
    )


def _study(label: str, searched: Sequence[Record], tuned: Row | None, *, is_proxy: bool) -> Study:
    by_number: dict[int, list[Record]] = {k: [] for k in sorted({r.candidate for r in searched})}
    for record in searched:
        by_number[record.candidate].append(record)
    gap = tuned.estimates.get("gap") if tuned else None
    return Study(
        row=label,
        title=row_title(label, searched[0].method, searched[0].given),
        is_proxy=is_proxy,
        trials=max(r.trials for r in searched),
        completed=sum(all(r.status == "ok" for r in records) for records in by_number.values()),
        objectives=tuple((k, _objective(records)) for k, records in by_number.items()),
        chosen=max((r.candidate for r in tuned.records), default=-1) if tuned else -1,
        final=gap.mean if gap else None,
        seconds=sum(r.seconds for r in searched),
        records=tuple(searched),
    )


def _objective(records: Sequence[Record]) -> float:
    values = [r.metrics.get("gap", WORST) if r.status == "ok" else WORST for r in records]
    return statistics.fmean(values)
