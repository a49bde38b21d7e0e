"""Cells and remarks of made-up records."""

from dataclasses import replace

from mubench.report.analysis.aggregate import Cell, aggregate
from mubench.report.analysis.comparisons import judge
from mubench.report.text.summary import remarks as remarks_of
from mubench.store.results import SweepResults
from tests.support.report_world import CELLS, finals

CELL = CELLS[0]


def source(records, rows=("ft", "ga"), expected=None, cells=(CELL,)):
    planned = expected if expected is not None else {}
    return SweepResults("toy", "", tuple(records), cells, rows, planned, "mubench run toy")


def only_cell(records, rows=("ft", "ga"), expected=None) -> Cell:
    return aggregate(source(records, rows, expected))[0]


def remarks(cell):
    return remarks_of(cell, judge(cell))


def with_gaps(row, gaps, selection="tuned"):
    """Final records of one row, one a request, with these gaps."""
    made = finals(CELL, row, 0.1, selection, len(gaps))
    return [
        replace(one, metrics={**one.metrics, "gap": gap})
        for one, gap in zip(made, gaps, strict=True)
    ]
