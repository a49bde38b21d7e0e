"""Histograms of confidence."""

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.figures.confidence import confidence_histograms
from mubench.store.examples import BINS, CellExamples, Confidences
from tests.support.figures import data_of
from tests.support.report_world import world


def test_histograms_are_shares_of_each_side():
    one = Confidences(row="retrain", forget=(3, 1, *[0] * (BINS - 2)), holdout=(0,) * BINS)
    found = confidence_histograms(
        aggregate(world())[0], CellExamples(request="r", confidences=(one,))
    )
    rows = data_of(found.spec)
    assert [row["share"] for row in rows[:3]] == [0.75, 0.25, 0.0]
    assert {row["side"] for row in rows} == {"forgotten"}, "nothing is drawn of an empty side"
    assert rows[0]["confidence"] == pytest.approx(0.5 / BINS)
