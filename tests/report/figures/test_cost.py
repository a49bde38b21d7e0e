"""The gap against the cost, and its front."""

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.figures.cost import front, gap_against_cost
from tests.support.evidence_world import with_closest_control
from tests.support.figures import data_of
from tests.support.report_world import world


def test_no_point_of_the_front_is_beaten_and_every_other_is():
    points = [{"cost": c, "gap": g} for c, g in [(1, 5), (2, 4), (2, 6), (3, 4.5), (4, 1), (9, 1)]]
    kept = front(points)
    assert [(p["cost"], p["gap"]) for p in kept] == [(1, 5), (2, 4), (4, 1)]


def test_the_cost_figure_holds_means_bars_and_anchors_in_points_and_seconds():
    cell = aggregate(world())[0]
    rows = data_of(gap_against_cost(cell).spec)
    plus = next(r for r in rows if r.get("row") == "UGradSL+" and r["selection"] == "tuned")
    assert (plus["gap"], plus["low"], plus["high"]) == pytest.approx((2.2, 2.0, 2.4))
    assert (plus["cost"], plus["fast"], plus["slow"]) == pytest.approx((0.3, 0.2, 0.4))
    assert {"cost": 6.0} in rows, "Retrain's"
    assert {"low": 0, "high": pytest.approx(2.0)} in rows, "the noise floor"


def test_a_control_is_no_point_of_the_front():
    plain, controlled = (aggregate(each)[0] for each in (world(), with_closest_control(world())))
    assert gap_against_cost(controlled) == gap_against_cost(plain)
