"""Theorem 2: the predicted improvement of each request against the measured one."""

from dataclasses import replace

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.figures.figure import PALETTE
from mubench.report.figures.theorem import predicted_improvements
from tests.support.figures import data_of
from tests.support.report_cells import source
from tests.support.report_world import CELLS, finals, retrains

ROWS = ("ga", "ugradsl")


def originals(cell, cosines, predicted):
    made = finals(cell, "original", 0.2, "", len(cosines))
    return [
        replace(
            one,
            metrics={**one.metrics, "theorem2_cosine": cosine, "theorem2_improvement": saved},
        )
        for one, cosine, saved in zip(made, cosines, predicted, strict=True)
    ]


def row(cell, label, gaps, selection="tuned"):
    made = finals(cell, label, 0.1, selection, len(gaps))
    return [
        replace(one, metrics={**one.metrics, "gap": gap})
        for one, gap in zip(made, gaps, strict=True)
    ]


def drawn(records, cells=CELLS[:1]):
    found = predicted_improvements(aggregate(source(records, ROWS, cells=cells)))
    return found if found is None else [p for p in data_of(found.spec) if "request" in p]


def test_a_point_is_one_request_with_the_share_of_the_gap_that_was_saved():
    cell = CELLS[0]
    held = [
        *retrains(cell, 3),
        *originals(cell, (-0.3, 0.2, -0.1), (0.4, 0.0, 0.2)),
        *row(cell, "ga", (0.2, 0.1, 0.0)),
        *row(cell, "ugradsl", (0.05, 0.15, 0.1)),
    ]
    assert drawn(held) == [
        {
            "cell": cell,
            "request": f"{cell}/0",
            "cosine": -0.3,
            "sign": "below 0",
            "predicted": 0.4,
            "measured": pytest.approx(0.75),
        },
        {
            "cell": cell,
            "request": f"{cell}/1",
            "cosine": 0.2,
            "sign": "above 0",
            "predicted": 0.0,
            "measured": pytest.approx(-0.5),
        },
    ], "of a gap of zero nothing can be saved"


def test_tuned_rows_go_before_defaults():
    cell = CELLS[0]
    held = [
        *originals(cell, (-0.3,), (0.4,)),
        *row(cell, "ga", (0.2,)),
        *row(cell, "ga", (0.4,), "default"),
        *row(cell, "ugradsl", (0.1,)),
        *row(cell, "ugradsl", (0.1,), "default"),
    ]
    [point] = drawn(held)
    assert point["measured"] == pytest.approx(0.5)


def test_each_cell_has_a_colour():
    held = [
        one
        for cell in CELLS
        for one in (
            *originals(cell, (-0.3,), (0.4,)),
            *row(cell, "ga", (0.2,)),
            *row(cell, "ugradsl", (0.1,)),
        )
    ]
    found = predicted_improvements(aggregate(source(held, ROWS, cells=CELLS)))
    scale = found.spec["layer"][1]["encoding"]["color"]["scale"]
    assert scale == {"domain": list(CELLS), "range": list(PALETTE[:2])}
    assert data_of(found.spec)[0] == {"zero": 0}


def test_without_one_of_the_numbers_nothing_is_drawn():
    cell = CELLS[0]
    both = [*row(cell, "ga", (0.2,)), *row(cell, "ugradsl", (0.1,))]
    assert drawn([*finals(cell, "original", 0.2, "", 1), *both]) is None
    assert drawn([*originals(cell, (-0.3,), (0.4,)), *row(cell, "ga", (0.2,))]) is None
    assert drawn([*originals(cell, (-0.3,), (0.4,)), *row(cell, "ugradsl", (0.1,))]) is None
