"""Searches: what each candidate gave, and what the final steps made of the chosen one."""

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.tuning import studies
from mubench.store.results import SweepResults
from tests.support.report_world import CELLS, record, world


def test_a_proxy_for_the_gap_has_no_optimism():
    study = studies(aggregate(world())[0], "retrain_free")[0]
    assert study.search_gap is not None
    assert study.optimism is None


def test_a_study_has_its_gap_in_the_search_and_in_the_final_steps():
    study = next(s for s in studies(aggregate(world())[0]) if s.row == "ft")
    assert (study.trials, study.completed, study.chosen) == (4, 3, 2)
    assert [value for _, value in study.objectives] == pytest.approx([0.08, 1.0, 0.03, 0.06])
    # Of the defaults and every set of k - 1 others; candidate 1 diverged, and counts 1.
    assert study.expected_best == pytest.approx((0.08, 0.17 / 3, 0.12 / 3, 0.03))
    assert study.optimism == pytest.approx(0.044 - 0.03)
    assert study.seconds == pytest.approx(6.0)
    assert [study.best_of(n) for n in (1, 3, 4)] == pytest.approx([0.08, 0.04, 0.03])
    assert study.best_of(5) is None, "only four candidates ran"


def test_each_search_of_a_row_has_its_own_candidates_and_final_steps():
    """Two searches; in the first, candidate 1 goes on to a second request and is chosen."""
    fields = {"method": "ft", "row": "ft", "cell": CELLS[0], "trials": 2}
    searched = [
        record(
            id=f"{repeat}{number}{k}",
            kind="search",
            purpose="search",
            repeat=repeat,
            round=number,
            candidate=k,
            metrics={"objective": value, "gap": 0.9},
            **fields,
        )
        for repeat, number, k, value in (
            *((0, 0, 0, 0.4), (0, 0, 1, 0.2), (0, 1, 1, 0.3)),
            *((1, 0, 0, 0.5), (1, 0, 1, 0.6)),
        )
    ]
    finals = [
        record(
            id=f"f{k}",
            selection="tuned",
            repeat=k % 2,
            candidate=1 - k % 2,
            request=f"{CELLS[0]}/{k}",
            metrics={"gap": 0.9, "robust_gap": 0.1 * k},
            **fields,
        )
        for k in range(4)
    ]
    source = SweepResults("toy", "", (*searched, *finals), CELLS[:1], ("ft",), {}, "")
    first, second = studies(aggregate(source)[0], "robust_gap")
    assert (first.title, second.title) == ("FT", "FT, search 2")
    assert first.objectives == ((0, 0.4), (1, 0.2))
    assert (first.chosen, second.chosen) == (1, 0)
    assert (first.search_gap, second.search_gap) == pytest.approx((0.25, 0.5))
    assert (first.final, second.final) == pytest.approx((0.1, 0.2))
