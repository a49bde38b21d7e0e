"""Curves over ratios and smoothing rates."""

from dataclasses import replace

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.build import build
from mubench.report.figures.curves import hyperparameter_curves, ratio_curves
from mubench.store.results import SweepResults
from tests.support.figures import data_of
from tests.support.report_world import CELLS, finals, retrains, world


def ratio_world(ratios, kind="random"):
    cells = tuple(f"digits/small_cnn/{kind}-{ratio:g}" for ratio in ratios)
    records = []
    for cell, ratio in zip(cells, ratios, strict=True):
        records += [*retrains(cell, 2), *finals(cell, "ft", ratio, "tuned", 2)]
    return SweepResults("toy", "", tuple(records), cells, ("ft",), {}, "")


def test_metrics_against_the_ratio_need_two_ratios_and_stand_in_their_order():
    assert ratio_curves(aggregate(ratio_world([0.1]))) == ()
    (found,) = ratio_curves(aggregate(ratio_world([0.5, 0.1])))
    assert found.name == "ratio-digits-small_cnn-random"
    gaps = [r for r in found.spec["hconcat"][-1]["data"]["values"] if r["row"] == "FT"]
    assert [(r["at"], r["value"]) for r in gaps] == [
        (0.1, pytest.approx(10.5)),
        (0.5, pytest.approx(52.5)),
    ]


def test_curves_of_one_method_that_differ_in_another_axis_are_apart():
    points = {f"ugradsl[alpha={a},p={p}]": {"alpha": a, "p": p} for a, p in POINTS}
    made = [
        replace(one, given=given, params=given)
        for row, given in points.items()
        for one in finals(CELLS[0], row, 0.1, "tuned", 2)
    ]
    records = (*retrains(CELLS[0], 2), *made)
    cell = aggregate(SweepResults("toy", "", records, CELLS[:1], tuple(points), {}, ""))[0]
    (found,) = hyperparameter_curves(cell)
    assert found.name == "curve-alpha"
    drawn = {(row["row"], row["at"]) for row in data_of(found.spec) if "row" in row}
    assert drawn == {(f"UGradSL (p = {p})", a) for a, p in POINTS}


POINTS = ((-0.2, 0.1), (-1.0, 0.1), (-0.2, 0.9))


def test_one_smoothing_rate_makes_no_curve(tmp_path):
    made = [*retrains(CELLS[0], 2), *finals(CELLS[0], "ugradsl[alpha=-0.2]", 0.1, "tuned", 2)]
    one = replace(world(), records=tuple(made), rows=("ugradsl[alpha=-0.2]",), cells=CELLS[:1])
    names = {path.name for path in build(one, tmp_path).files}
    assert not any("curve" in name for name in names)
    assert any("gap-cost" in name for name in names)


def test_the_curve_takes_the_rate_from_the_records_and_shows_retrain(written):
    svg = (written.out / "figures/1-digits-small_cnn-random-0.1-curve-alpha.svg").read_text()
    for word in ("UA (%)", "RA (%)", "TA (%)", "Avg. Gap", "α", "−1.0", "UGradSL"):
        assert word in svg
