"""The luck in tuning against searches that are run again with candidates left out."""

import numpy as np
import pytest
from scipy import stats

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.comparisons import compare
from mubench.report.analysis.luck import KEPT, tuning_luck
from mubench.report.analysis.significance import (
    bootstrap_interval,
    mean_interval,
    sign_flip_p,
    tuned_p,
)
from tests.support.report_world import record, world


def candidate(k, objective, value=None, **changes):
    metrics = {"objective": objective, "gap": objective if value is None else value}
    return record(
        id=f"{k} {changes}",
        kind="search",
        purpose="search",
        candidate=k,
        metrics=metrics,
        **changes,
    )


def imitated(objectives, values, draws=100_000):
    """Searches with candidates left out; candidate 0, the defaults, never is."""
    rng = np.random.default_rng(0)
    kept = rng.random((draws, len(objectives))) < KEPT
    kept[:, 0] = True
    chosen = np.where(kept, objectives, np.inf).argmin(axis=1)
    return np.asarray(values)[chosen].std()


def test_luck_is_the_spread_over_searches_with_candidates_left_out():
    objectives = [0.3, 0.5, 0.1, 0.25, 0.2, 0.12]
    values = [0.5, 0.1, 0.3, 0.2, 0.6, 0.4]
    searched = [candidate(k, o, v) for k, (o, v) in enumerate(zip(objectives, values, strict=True))]
    wanted = imitated(objectives, values)
    assert wanted > 0.1
    assert tuning_luck(searched, "gap") == pytest.approx(wanted, rel=0.01)
    assert tuning_luck(searched[::-1], "gap") == tuning_luck(searched, "gap")


def test_defaults_that_win_and_equal_candidates_have_no_luck():
    assert tuning_luck([candidate(0, 0.1), candidate(1, 0.2), candidate(2, 0.9)], "gap") == 0
    assert tuning_luck([candidate(0, 0.9, 0.4), candidate(1, 0.2, 0.4)], "gap") == 0
    assert tuning_luck([], "gap") == 0


def test_a_candidate_that_ran_on_more_requests_is_preferred():
    """Candidate 1 is best on the first request and was not among those that went on."""
    first = [candidate(0, 0.5), candidate(1, 0.1), candidate(2, 0.2)]
    second = [candidate(0, 0.5, round=1), candidate(2, 0.4, 0.9, round=1)]
    values = [0.5, 0.1, 0.2]
    wanted = imitated([0.5, 9.0, 0.3], values)  # the defaults beat it: they went on
    assert tuning_luck([*first, *second], "gap") == pytest.approx(wanted, rel=0.01)


def test_searches_of_one_row_share_its_requests():
    one = [candidate(0, 0.5), candidate(1, 0.1), candidate(2, 0.2)]
    luck = tuning_luck(one, "gap")
    four = [
        candidate(r.candidate, r.metrics["gap"], repeat=repeat) for repeat in range(4) for r in one
    ]
    assert tuning_luck(four, "gap") == pytest.approx(luck / 2)


def test_a_failed_candidate_is_the_worst_and_an_unknown_metric_is_said():
    searched = [candidate(0, 0.5), candidate(1, 0.0, status="diverged"), candidate(2, 0.2)]
    assert tuning_luck(searched, "gap") == pytest.approx(
        imitated([0.5, 1.0, 0.2], [0.5, 0, 0.2]), 0.01
    )
    assert tuning_luck(searched, "rmia_auc") is None


def test_little_luck_leaves_the_sign_flip_test_and_much_takes_the_verdict():
    differences = [0.1, 0.11, 0.12, 0.09, 0.1, 0.13]
    assert tuned_p(differences, 0.0) == tuned_p(differences, 1e-6) == sign_flip_p(differences)
    assert tuned_p(differences, 0.2) > 0.5


def test_luck_is_one_more_error_of_a_t_test():
    """Without it the t-test is that of scipy: 5 degrees of freedom."""
    differences = [0.1, -0.02, 0.3, 0.05, 0.0, 0.2]
    error = np.std(differences, ddof=1) / 6**0.5
    luck = 2 * error
    scaled = np.mean(differences) / (error * 5**0.5)
    assert tuned_p(differences, luck) == pytest.approx(2 * stats.t(5).sf(scaled))


def test_rows_are_compared_with_the_luck_of_both_and_defaults_without():
    cell = aggregate(world(8))[0]
    rows = {(row.label, row.selection): row for row in cell.methods}
    pair = compare(rows["ugradsl_plus", "tuned"], rows["iu", "tuned"])
    lucks = [tuning_luck(cell.searched[label], "gap") for label in ("ugradsl_plus", "iu")]
    assert pair.luck == pytest.approx(np.hypot(*lucks))
    assert pair.p_value == tuned_p(pair.differences, pair.luck) > sign_flip_p(pair.differences)
    assert f"luck in tuning {100 * pair.luck:.2f} points" in pair.evidence
    low, high = pair.interval
    assert high - low > 2 * 1.96 * pair.luck
    defaults = compare(rows["ugradsl_plus", "default"], rows["ft", "default"])
    assert defaults.luck == 0
    assert defaults.p_value == sign_flip_p(defaults.differences)


def test_an_interval_is_wider_by_the_luck_on_both_sides():
    values = [0.1, 0.2, 0.4, 0.15, 0.3, 0.9]
    mean = np.mean(values)
    low, high = mean_interval(values)
    assert (low, high) == pytest.approx(bootstrap_interval(values))
    wide = mean_interval(values, 0.5)
    assert mean - wide[0] == pytest.approx(np.hypot(mean - low, 0.98))
    assert wide[1] - mean == pytest.approx(np.hypot(high - mean, 0.98))
