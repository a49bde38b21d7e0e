"""Figures of a search, also of one that only failed."""

from dataclasses import replace

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.tuning import studies
from mubench.report.figures.search import importance_bars
from mubench.report.figures.select import cell_figures
from mubench.store.results import SweepResults
from tests.support.figures import data_of
from tests.support.report_world import CELLS, searches, world


def test_importances_are_drawn_by_row_largest_first():
    cell = aggregate(world())[0]
    found = importance_bars(cell, {"ft": {"lr": 0.2, "epochs": 0.8}})
    assert [row["name"] for row in data_of(found.spec)] == ["FT · epochs", "FT · lr"]


def test_a_search_that_only_failed_is_drawn_all_the_same():
    cell = aggregate(
        SweepResults(
            *("toy", ""),
            tuple(replace(r, status="diverged") for r in searches(CELLS[0], "ft", 0.1)),
            *(CELLS[:1], ("ft",), {}, ""),
        )
    )[0]
    names = [f.name for f in cell_figures(cell, studies(cell), {}, None)]
    assert names == ["tuning"]
