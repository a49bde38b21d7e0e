"""How each row was tuned: its candidates, and its gap in the search and in the final steps."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from mubench.metrics.gap import Objective, form_of
from mubench.report.analysis.aggregate import Cell, finite_values
from mubench.report.analysis.format import row_title
from mubench.report.analysis.luck import tuning_luck
from mubench.store.record import WORST, Record

BUDGETS = (5, 20)
"""Smaller budgets that are reported too: the expected best of fewer candidates."""


@dataclass(frozen=True)
class Study:
    """One search: one row of one cell under one budget; objectives are fractions."""

    row: str
    title: str
    trials: int
    """Budget in candidates."""
    completed: int
    """Candidates that completed all the requests that they ran on."""
    objectives: tuple[tuple[int, float], ...]
    """Candidate number and objective on the first search request, in order of number."""
    chosen: int
    """The candidate that the final steps ran; -1 where none was."""
    search_gap: float | None
    """The chosen candidate's objective, its mean over the search requests."""
    final: float | None
    """Mean of the same gap over the tuned final steps; None where the objective is no gap."""
    seconds: float
    """Wall time of all search steps together."""
    records: tuple[Record, ...]

    @property
    def luck(self) -> float | None:
        """Standard deviation of the final gap that comes from the search; see `tuning_luck`."""
        return tuning_luck(self.records, "gap")

    @cached_property
    def expected_best(self) -> tuple[float, ...]:
        """Expected smallest objective of the defaults and k - 1 other candidates, for k = 1, 2, ...

        Dodge et al. 2019, equation 4, over subsets of the candidates that ran (without
        replacement, so that it is unbiased where candidates are drawn at random).
        """
        default = next((value for number, value in self.objectives if number == 0), WORST)
        others = sorted(value for number, value in self.objectives if number)
        best = [min(default, value) for value in others]
        expected = [default]
        for size in range(1, len(best) + 1):
            chances = _chances_of_being_best(len(best), size)
            expected.append(math.fsum(c * v for c, v in zip(chances, best, strict=True)))
        return tuple(expected)

    def best_of(self, budget: int) -> float | None:
        """`expected_best` of `budget` candidates; None where not as many ran."""
        return self.expected_best[budget - 1] if budget <= len(self.objectives) else None

    @property
    def optimism(self) -> float | None:
        """Final gap minus search gap; None where the objective is another quantity."""
        if self.final is None or self.search_gap is None:
            return None
        return self.final - self.search_gap


def studies(cell: Cell, objective: Objective = "avg_gap") -> tuple[Study, ...]:
    """Return the studies of a cell in the order of the sweep file's rows.

    `objective` is that of the sweep file.
    """
    tuned = {row.label: row.records for row in cell.methods if row.selection == "tuned"}
    found = []
    for label, searched in cell.searched.items():
        for repeat in sorted({record.repeat for record in searched}):
            own = [record for record in searched if record.repeat == repeat]
            finals = [r for r in tuned.get(label, ()) if r.repeat == repeat]
            found.append(_study(label, own, finals, objective))
    return tuple(found)


def _study(
    label: str, searched: Sequence[Record], finals: Sequence[Record], objective: Objective
) -> Study:
    by_number: dict[int, list[Record]] = {k: [] for k in sorted({r.candidate for r in searched})}
    for record in sorted(searched, key=lambda record: record.round):
        by_number[record.candidate].append(record)
    chosen = max((record.candidate for record in finals), default=-1)
    title = row_title(label, searched[0].method, searched[0].given)
    repeat = searched[0].repeat
    form = form_of(objective)
    gaps = finite_values(finals, form) if form else []
    return Study(
        row=label,
        title=f"{title}, search {repeat + 1}" if repeat else title,
        trials=max(r.trials for r in searched),
        completed=sum(all(r.status == "ok" for r in records) for records in by_number.values()),
        objectives=tuple((k, records[0].objective) for k, records in by_number.items()),
        chosen=chosen,
        search_gap=statistics.fmean(record.objective for record in by_number[chosen])
        if chosen in by_number
        else None,
        final=statistics.fmean(gaps) if gaps else None,
        seconds=sum(r.seconds for r in searched),
        records=tuple(searched),
    )


@cache
def _chances_of_being_best(count: int, size: int) -> tuple[float, ...]:
    """The chance of the k-th best of `count` to be the best of a random subset of a size.

    C(count - 1 - k, size - 1) / C(count, size), each from the one before.
    """
    chance, chances = size / count, []
    for after in range(count - 1, -1, -1):
        chances.append(chance)
        chance *= (after - size + 1) / after if after else 0.0
    return tuple(chances)
