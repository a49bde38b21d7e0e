"""Ranks of methods over the cells of a sweep, and the critical difference between them.

Demšar 2006: Friedman's test over cells, then Nemenyi's: two average ranks differ where they lie
further apart than CD = q sqrt(k (k + 1) / (6 N)), for k methods and N cells.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mubench.report.analysis.aggregate import SELECTIONS, Cell
from mubench.report.analysis.significance import LEVEL
from mubench.report.format import listed, p_text, plural, row_title

FEWEST = 3
"""Cells below which no difference of ranks can reach the critical one."""


@dataclass(frozen=True)
class Ranked:
    """One row over all cells."""

    label: str
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
    """Rows that lack numbers in some cell."""
    friedman_p: float | None
    """None for fewer than three rows: the test needs three."""
    critical_difference: float

    @property
    def words(self) -> str:
        """What the ranks say, and how far to trust it."""
        best, last = self.rows[0], self.rows[-1]
        over = f"over {plural(self.cells, 'cell')} ({self.selection} rows)"
        first = [row_title(row.label) for row in self.rows if row.rank == best.rank]
        come = "come" if len(first) > 1 else "comes"
        said = f"Average rank {over}: {listed(first)} {come} first with {best.rank:.2f}."
        if self.friedman_p is not None:
            said += f" Friedman's test: {p_text(self.friedman_p)}."
        if last.rank - best.rank < self.critical_difference:
            said += (
                f" No two of the {len(self.rows)} rows lie further apart than the critical "
                f"difference of {self.critical_difference:.2f} ranks: {plural(self.cells, 'cell')} "
                "cannot order them."
            )
        else:
            apart = [
                row_title(row.label)
                for row in self.rows
                if row.rank - best.rank >= self.critical_difference
            ]
            said += (
                f" {row_title(best.label)} is further than the critical difference of "
                f"{self.critical_difference:.2f} ranks from {listed(apart)}."
            )
        if self.left_out:
            said += f" Left out, for numbers are missing: {listed(self._titles)}."
        return said + " Cells that share data or a model are no independent witnesses."

    @property
    def _titles(self) -> list[str]:
        return [row_title(label) for label in self.left_out]


def ranks(cells: Sequence[Cell]) -> Ranks | None:
    """Rank the tuned rows, else the defaults; None for fewer than two rows or `FEWEST` cells."""
    for selection in SELECTIONS:
        gaps = [
            {row.label: row.estimates["gap"].mean for row in cell.ranked(selection)}
            for cell in cells
        ]
        labels = [
            row.label
            for row in (cells[0].methods if cells else ())
            if row.selection == selection and all(row.label in held for held in gaps)
        ]
        if len(cells) >= FEWEST and len(labels) >= 2:
            every = dict.fromkeys(
                row.label for cell in cells for row in cell.methods if row.selection == selection
            )
            left_out = tuple(label for label in every if label not in labels)
            table = [[held[label] for label in labels] for held in gaps]
            return _ranks(selection, labels, table, left_out)
    return None


def _ranks(
    selection: str, labels: list[str], table: list[list[float]], left_out: tuple[str, ...]
) -> Ranks:
    import numpy as np
    from scipy import stats  # here: a report of one cell needs none of it

    values = np.array(table)
    average = stats.rankdata(values, axis=1).mean(axis=0)
    n, k = values.shape
    is_constant = bool((values == values[:, :1]).all())
    friedman = (
        1.0 if is_constant else float(stats.friedmanchisquare(*values.T).pvalue) if k > 2 else None
    )
    quantile = float(stats.studentized_range.ppf(1 - LEVEL, k, math.inf)) / math.sqrt(2)
    found = (
        Ranked(label, float(rank), float(gap))
        for label, rank, gap in zip(labels, average, values.mean(axis=0), strict=True)
    )
    return Ranks(
        selection=selection,
        rows=tuple(sorted(found, key=lambda row: (row.rank, row.gap, row.label))),
        cells=n,
        left_out=left_out,
        friedman_p=friedman if k > 2 else None,
        critical_difference=quantile * math.sqrt(k * (k + 1) / (6 * n)),
    )
