"""Curves of relearning: points in percent, over the requests that relearnt."""

from dataclasses import replace

import pytest

from mubench.report.figures.figure import PALETTE
from mubench.report.figures.relearning import relearning_curves
from tests.support.report_cells import CELL, only_cell
from tests.support.report_world import finals, retrains

ROWS = ("ft", "ga", "sham")


def with_curve(records, *accuracies, step=0.0):
    """Accuracy on D_f before and after each epoch; `step` higher for each later request."""
    before, *after = accuracies
    return [
        replace(
            one,
            metrics={
                **one.metrics,
                "ua": 1 - before - k * step,
                **{f"relearn_retain_{e}": value + k * step for e, value in enumerate(after, 1)},
            },
        )
        for k, one in enumerate(records)
    ]


def cell(*more):
    anchors = [r for r in retrains(CELL, 2) if not r.replica]
    return only_cell([*with_curve(anchors, 0.7, 0.72, 0.74), *more], ROWS)


def points(figure, layer):
    return {
        row: [(p["epoch"], pytest.approx(p["value"])) for p in held if p["row"] == row]
        for held in [figure.spec["layer"][layer]["data"]["values"]]
        for row in dict.fromkeys(p["row"] for p in held)
    }


def test_each_row_has_its_mean_before_and_after_each_epoch_beside_retrain():
    figure = relearning_curves(
        cell(
            *with_curve(finals(CELL, "original", 0.2, "", 2), 1.0, 1.0, 1.0),
            *with_curve(finals(CELL, "ft", 0.1, "tuned", 2), 0.6, 0.8, 0.9, step=0.1),
            *with_curve(finals(CELL, "sham", 0.2, "control", 2), 0.9, 0.95, 0.99),
        )
    )
    assert figure.name == "relearning"
    lines = points(figure, 0)
    assert lines == {
        "Original": [(0, 100), (1, 100), (2, 100)],
        "FT": [(0, 65), (1, 85), (2, 95)],
        "Sham": [(0, 90), (1, 95), (2, 99)],
    }
    assert points(figure, 1) == lines
    assert points(figure, 2) == {"Retrain": [(0, 70), (1, 72), (2, 74)]}
    axis = figure.spec["layer"][0]["encoding"]["x"]["axis"]
    assert axis["values"] == [0, 1, 2]


def test_a_method_keeps_its_colour_beside_the_original_and_controls():
    figure = relearning_curves(
        cell(
            *with_curve(finals(CELL, "original", 0.2, "", 2), 1.0, 1.0),
            *finals(CELL, "ft", 0.1, "tuned", 2),
            *with_curve(finals(CELL, "ga", 0.2, "tuned", 2), 0.6, 0.8),
        )
    )
    scale = figure.spec["layer"][0]["encoding"]["color"]["scale"]
    held = dict(zip(scale["domain"], scale["range"], strict=True))
    assert held.keys() == {"Original", "GA"}, "FT relearnt nothing"
    assert held["GA"] == PALETTE[1]


def test_a_request_that_did_not_relearn_moves_no_point():
    """The second diverged: it has UA, and no evidence."""
    first, second = finals(CELL, "ft", 0.1, "tuned", 2)
    second = replace(second, status="diverged", metrics={**second.metrics, "ua": 0.0})
    figure = relearning_curves(cell(*with_curve([first], 0.6, 0.8), second))
    assert points(figure, 0) == {"FT": [(0, 60), (1, 80)]}


def test_without_retrain_or_rows_that_relearnt_nothing_is_drawn():
    assert relearning_curves(cell()) is None
    assert relearning_curves(cell(*finals(CELL, "ft", 0.1, "tuned", 2))) is None
    alone = with_curve(finals(CELL, "ft", 0.1, "tuned", 2), 0.6, 0.8)
    assert relearning_curves(only_cell([*retrains(CELL, 2), *alone], ROWS)) is None
