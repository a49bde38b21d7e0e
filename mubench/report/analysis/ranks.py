"""Ranks of methods over the cells of a sweep, and the critical difference between them.

Demšar 2006: Friedman's test over cells, then Nemenyi's: two average ranks differ where they lie
further apart than CD = q sqrt(k (k + 1) / (6 N)), for k methods and N cells.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mubench.errors import plural
from mubench.report.analysis.aggregate import SELECTIONS, Cell, Row
from mubench.report.analysis.format import format_p, join_words
from mubench.report.analysis.significance import LEVEL

FEWEST = 3
"""Cells below which no difference of ranks can reach the critical one."""


@dataclass(frozen=True)
class Ranked:
    """One row over all cells."""

    title: str
    rank: float
    """Average over cells; 1 is the closest to Retrain, ties share."""
    gap: float
    """Mean Avg. Gap over cells, a fraction."""


@dataclass(frozen=True)
class Ranks:
    """The rows of one selection that are complete in every cell, best first."""

    selection: str
    rows: tuple[Ranked, ...]
    cells: int
    left_out: tuple[str, ...]
    """Titles of the rows that lack numbers in some cell."""
    friedman_p: float | None
    """None for fewer than three rows: the test needs three."""
    critical_difference: float

    @property
    def words(self) -> str:
        """What the ranks show, and how significant it is."""
        best = self.rows[0]
        over = f"over {plural(self.cells, 'cell')} ({self.selection} rows)"
        first = [row.title for row in self.rows if row.rank == best.rank]
        come = "come" if len(first) > 1 else "comes"
        sentences = [f"Average rank {over}: {join_words(first)} {come} first with {best.rank:.2f}."]
        if self.friedman_p is not None:
            sentences.append(f"Friedman's test: {format_p(self.friedman_p)}.")
        sentences.append(self._beyond_the_critical_difference)
        if self.left_out:
            sentences.append(
                f"Not ranked, because numbers are missing: {join_words(self.left_out)}."
            )
        return " ".join([*sentences, "Cells that share a data set or model are not independent."])

    @property
    def _beyond_the_critical_difference(self) -> str:
        best, critical = self.rows[0], self.critical_difference
        distant = [row.title for row in self.rows if row.rank - best.rank >= critical]
        if distant:
            return (
                f"{best.title} differs significantly from {join_words(distant)}: by more than the "
                f"critical difference of {critical:.2f} ranks."
            )
        return (
            f"No significant difference between any two of the {len(self.rows)} rows: none exceeds "
            f"the critical difference of {critical:.2f} ranks."
        )


def ranks(cells: Sequence[Cell]) -> Ranks | None:
    """Rank the tuned rows, else the defaults; None for fewer than two rows or `FEWEST` cells."""
    if len(cells) < FEWEST:
        return None
    for selection in SELECTIONS:
        by_label = {
            row.label: row for cell in cells for row in cell.methods if row.selection == selection
        }
        gaps = [
            {row.label: row.estimates["gap"].mean for row in cell.ranked(selection)}
            for cell in cells
        ]
        complete = [
            row for row in by_label.values() if all(row.label in cell_gaps for cell_gaps in gaps)
        ]
        if len(complete) >= 2:
            table = [[cell_gaps[row.label] for row in complete] for cell_gaps in gaps]
            left_out = tuple(row.title for row in by_label.values() if row not in complete)
            return _ranks(selection, complete, table, left_out)
    return None


def _ranks(
    selection: str, complete: Sequence[Row], table: list[list[float]], left_out: tuple[str, ...]
) -> Ranks:
    import numpy as np
    from scipy import stats  # here: a report of one cell needs none of it

    values = np.array(table)
    average = stats.rankdata(values, axis=1).mean(axis=0)
    n, k = values.shape
    quantile = float(stats.studentized_range.ppf(1 - LEVEL, k, math.inf)) / math.sqrt(2)
    ordered = sorted(
        zip(average, values.mean(axis=0), complete, strict=True),
        key=lambda entry: (entry[0], entry[1], entry[2].label),
    )
    return Ranks(
        selection=selection,
        rows=tuple(Ranked(row.title, float(rank), float(gap)) for rank, gap, row in ordered),
        cells=n,
        left_out=left_out,
        friedman_p=_friedman_p(table) if k > 2 else None,
        critical_difference=quantile * math.sqrt(k * (k + 1) / (6 * n)),
    )


def _friedman_p(table: list[list[float]]) -> float:
    """Return Friedman's p-value; 1 where all rows are equal, which scipy divides by zero at."""
    from scipy import stats

    if all(len(set(gaps)) == 1 for gaps in table):
        return 1.0
    return float(stats.friedmanchisquare(*zip(*table, strict=True)).pvalue)
