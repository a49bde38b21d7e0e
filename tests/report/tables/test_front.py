"""The front of closeness, cost and leakage."""

from dataclasses import replace

from mubench.report.tables.front import front_table
from tests.support.report_cells import CELL, only_cell
from tests.support.report_world import finals, retrains

ROWS = ("ft", "ga", "iu")


def rows_of(means, selection="tuned"):
    """Two requests a row, on either side of the means (gap, seconds, MIA AUC)."""
    return [
        replace(
            one,
            metrics={
                **one.metrics,
                "gap": gap + side * 0.01,
                "rte_seconds": cost + side * 0.1,
                **({} if auc is None else {"mia_auc": auc + side * 0.02}),
            },
        )
        for row, (gap, cost, auc) in means.items()
        for one, side in zip(finals(CELL, row, 0.1, selection, 2), (-1, 1), strict=True)
    ]


def cell(means, auc=0.5, selection="tuned"):
    """Retrain has this AUC."""
    anchors = [replace(r, metrics={**r.metrics, "mia_auc": auc}) for r in retrains(CELL, 2)]
    return only_cell([*anchors, *rows_of(means, selection)], ROWS)


def test_a_row_that_another_beats_in_all_three_is_off_the_front():
    means = {"ft": (0.05, 2.0, 0.6), "ga": (0.03, 1.0, 0.55), "iu": (0.08, 0.5, 0.7)}
    table = front_table(cell(means))
    assert table.headings == ("Row", "Avg. Gap", "RTE (s)", "Leakage", "On the front")
    assert table.rows == (
        ("GA", "3.00", "1.00", "5.00", "yes"),
        ("FT", "5.00", "2.00", "10.00", "no: GA"),
        ("IU", "8.00", "0.500", "20.00", "yes"),
    )


def test_leakage_is_the_distance_on_each_request_on_either_side_of_retrain():
    """AUC of 0.48 and 0.52 lies 0.02 away, though the means are equal."""
    table = front_table(cell({"ft": (0.05, 2.0, 0.5), "ga": (0.05, 2.0, 0.4)}))
    assert [row[3] for row in table.rows] == ["2.00", "10.00"]


def test_one_worse_number_is_enough_where_the_others_are_equal():
    table = front_table(cell({"ft": (0.05, 2.0, 0.6), "ga": (0.05, 2.1, 0.6)}))
    assert [row[4] for row in table.rows] == ["yes", "no: FT"]


def test_equal_rows_are_both_on_the_front():
    table = front_table(cell({"ft": (0.05, 2.0, 0.6), "ga": (0.05, 2.0, 0.6)}))
    assert [row[4] for row in table.rows] == ["yes", "yes"]


def test_one_row_or_no_leakage_makes_no_front():
    assert front_table(cell({"ft": (0.05, 2.0, 0.6)})) is None
    assert front_table(cell({"ft": (0.05, 2.0, 0.6), "ga": (0.05, 2.0, None)})) is None
    assert front_table(only_cell(rows_of({"ft": (0.1, 1.0, 0.5), "ga": (0.1, 1.0, 0.5)}))) is None


def test_controls_and_the_other_selection_are_not_in_it():
    held = [
        *rows_of({"ft": (0.05, 2.0, 0.6), "ga": (0.06, 3.0, 0.7)}),
        *rows_of({"ft": (0.01, 0.1, 0.5)}, "default"),
        *rows_of({"iu": (0.0, 0.01, 0.5)}, "control"),
    ]
    anchors = [replace(r, metrics={**r.metrics, "mia_auc": 0.5}) for r in retrains(CELL, 2)]
    table = front_table(only_cell([*anchors, *held], ROWS))
    assert [(row[0], row[4]) for row in table.rows] == [("FT", "yes"), ("GA", "no: FT")]
