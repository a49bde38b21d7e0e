"""The folded tables of a cell."""

from dataclasses import replace

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.comparisons import judge
from mubench.report.analysis.luck import tuning_luck
from mubench.report.analysis.tuning import studies
from mubench.report.tables.details import comparison_table, tuning_table
from tests.support.report_world import ROWS, world


@pytest.fixture(scope="module")
def cell():
    """The first cell of the made-up sweep."""
    return aggregate(world())[0]


def test_a_tuned_row_has_its_candidates_and_gaps(cell):
    table = tuning_table(studies(cell), "avg_gap")
    assert len(table.rows) == len(ROWS)
    row = dict(zip(table.headings, table.rows[0], strict=True))
    # Candidates of ft: 8, diverged, 3 and 6 points; final 4 * (1 + 1.1 + 1.2) / 3 = 4.4 points.
    assert (row["Candidates"], row["Completed"], row["Chosen"]) == ("4 of 4", "3", "#2")
    assert (row["Default"], row["Best of 5"]) == ("8.00", "—")
    assert (row["Gap in search"], row["Final gap"]) == ("3.00", "4.40")
    assert row["Final minus search gap"] == "+1.40"
    assert row["Luck"] == f"{100 * tuning_luck(cell.searched['ft'], 'gap'):.2f}" != "0.00"


def test_a_search_without_final_steps_has_no_final_gap(cell):
    study = replace(studies(cell)[0], chosen=-1, search_gap=None, final=None)
    table = tuning_table([study], "avg_gap")
    row = dict(zip(table.headings, table.rows[0], strict=True))
    assert [row[name] for name in ("Chosen", "Gap in search", "Final gap")] == ["—"] * 3


def test_the_hint_names_the_objective(cell):
    hints = {name: tuning_table(studies(cell), name).hint for name in ("avg_gap", "retrain_free")}
    assert "proxy" in hints["retrain_free"]
    assert "proxy" not in hints["avg_gap"]


def test_pairs_of_the_closest_row_and_planned_comparisons_are_listed(cell):
    verdicts = judge(cell)
    table = comparison_table(verdicts)
    rows = [dict(zip(table.headings, row, strict=True)) for row in table.rows]
    planned = [row for row in rows if row["Rows"].endswith(", planned")]
    assert len(planned) == sum(len(pairs) for pairs in verdicts.planned.values())
    assert {row["p, Holm"] for row in planned} == {"—"}
    assert [row["Luck"] for row in planned] == [
        f"{100 * pair.luck:.2f}" if selection == "tuned" else "—"
        for selection, pairs in verdicts.planned.items()
        for pair in pairs
    ]
    tuned = [row for row in rows if row["Rows"] == "tuned"]
    assert tuned
    assert all(row["Difference"].startswith(("-", "−")) for row in tuned), "the closest is first"


def test_without_rows_there_is_no_table():
    empty = aggregate(replace(world(), records=()))
    assert tuning_table([], "avg_gap") is None
    assert all(comparison_table(judge(cell)) is None for cell in empty)
