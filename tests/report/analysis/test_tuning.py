"""Searches: what each candidate gave, and what the final steps made of the chosen one."""

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.tuning import studies
from tests.support.report_world import world


def test_a_proxy_for_the_gap_has_no_optimism():
    study = studies(aggregate(world())[0], "retrain_free")[0]
    assert study.is_proxy
    assert study.optimism is None


def test_a_study_has_its_gap_in_the_search_and_in_the_final_steps():
    study = next(s for s in studies(aggregate(world())[0]) if s.row == "ft")
    assert (study.trials, study.completed, study.chosen) == (4, 3, 2)
    assert [value for _, value in study.objectives] == pytest.approx([0.08, 1.0, 0.03, 0.06])
    assert [value for _, value in study.best_so_far] == pytest.approx([0.08, 0.08, 0.03, 0.03])
    assert study.optimism == pytest.approx(0.044 - 0.03)
    assert study.seconds == pytest.approx(6.0)
    assert [study.best_of(n) for n in (1, 3, 4)] == pytest.approx([0.08, 0.03, 0.03])
    assert study.best_of(5) is None, "only four candidates ran"
