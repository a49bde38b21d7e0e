"""Paired comparisons, marks and verdicts."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.comparisons import against_backbones, compare, judge, marks
from mubench.report.analysis.significance import LEVEL, share_interval
from mubench.store.results import SweepResults
from tests.support.evidence_world import with_closest_control
from tests.support.gaps import gaps_of
from tests.support.report_cells import CELL, only_cell, with_gaps
from tests.support.report_world import CELLS, finals, world


def test_improvement_is_the_share_of_requests_that_are_closer():
    cell = aggregate(gaps_of([{"ft": 0.3, "ga": 0.1}], 6))[0]
    pair = compare(cell.methods[1], cell.methods[0])
    assert (pair.wins, pair.improvement) == (6, 1.0)
    low, high = pair.improvement_interval
    assert (low, high) == pytest.approx((0.5407, 1.0), abs=1e-4)


def test_nine_crossed_requests_are_three_and_decide_nothing():
    cell = aggregate(gaps_of([{"ft": 0.3, "ga": 0.1}], 9))[0]
    rows = [
        replace(row, records=tuple(replace(r, seed_train=r.seed_train % 3) for r in row.records))
        for row in cell.methods
    ]
    pair = compare(*rows)
    assert (len(pair.differences), pair.requests, pair.verdict) == (3, 9, "too few requests")
    assert pair.count == "9 requests in 3 independent groups"


def test_ties_are_left_out_of_the_probability_and_of_its_interval():
    cell = aggregate(gaps_of([{"ft": 0.1, "ga": 0.1}], 6))[0]
    pair = replace(compare(*cell.methods), differences=(-1.0, -1.0, 0.0, 0.0, 0.0, 0.0))
    assert pair.improvement == 1.0
    assert pair.improvement_interval == pytest.approx(share_interval(2, 2))


def test_under_the_null_letters_err_at_most_once_in_twenty():
    """Rows drawn from one distribution: how often are any two called different?"""
    rng, wrong, rounds = np.random.default_rng(0), 0, 120
    rows = ("ft", "ga", "iu")
    for _ in range(rounds):
        records = []
        for row in rows:
            for k, one in enumerate(finals(CELLS[0], row, 0.1, "tuned", 8)):
                gap = float(abs(rng.normal(0.1, 0.03)))
                records.append(replace_gap(one, gap, k))
        source = SweepResults("toy", "", tuple(records), CELLS[:1], rows, {}, "")
        found = judge(aggregate(source)[0]).letters
        wrong += len(set(found.values())) > 1
    assert wrong <= stats.binom.ppf(0.999, rounds, LEVEL)


def replace_gap(record, gap, request):
    return replace(record, metrics={**record.metrics, "gap": gap}, request=f"{request}")


def test_best_and_second_best_are_marked_within_each_selection():
    found = marks(aggregate(world())[0])
    assert found == {
        ("ugradsl_plus", "tuned"): "best",
        ("ft", "tuned"): "second",
        ("ugradsl_plus", "default"): "best",
        ("ft", "default"): "second",
    }


def test_an_incomplete_row_is_never_best_however_small_its_gap():
    made = [*with_gaps("ft", [0.001]), *with_gaps("ga", [0.2, 0.2])]
    plan = {(CELL, "ft", "tuned"): 2, (CELL, "ga", "tuned"): 2}
    assert marks(only_cell(made, expected=plan)) == {("ga", "tuned"): "best"}


def test_equal_rows_share_their_place():
    made = [*with_gaps("ft", [0.1]), *with_gaps("ga", [0.1]), *with_gaps("iu", [0.3])]
    found = marks(only_cell(made, rows=("ft", "ga", "iu")))
    assert found == {("ft", "tuned"): "best", ("ga", "tuned"): "best", ("iu", "tuned"): "second"}


def two_rows(first, second):
    return only_cell([*with_gaps("ft", first), *with_gaps("ga", second)]).methods


def test_differences_are_paired_by_request():
    rows = two_rows([0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2])
    pair = compare(*rows)
    assert pair is not None
    assert pair.difference.n == 3
    assert pair.difference.mean == pytest.approx(0.1)
    assert pair.difference.spread == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ([0.1] * 5, [0.2] * 5, "too few requests"),
        ([0.1] * 6, [0.2] * 6, "closer"),
        ([0.2] * 6, [0.1] * 6, "farther"),
        ([0.1] * 6, [0.2] * 5 + [0.05], "no significant difference"),
    ],
)
def test_a_verdict_needs_six_requests_and_a_small_p(first, second, verdict):
    pair = compare(*two_rows(first, second))
    assert pair is not None
    assert pair.verdict == verdict


def test_ugradsl_is_compared_with_ga_and_ugradsl_plus_with_ft():
    pairs = against_backbones(aggregate(world())[0], "tuned")
    assert {(pair.first.method, pair.second.label) for pair in pairs} == {
        ("ugradsl", "ga"),
        ("ugradsl_plus", "ft"),
    }


def test_a_control_is_in_no_pair_and_takes_no_letter_or_mark():
    source = world(6)
    plain, controlled = (aggregate(each)[0] for each in (source, with_closest_control(source)))
    assert [row.label for row in controlled.controls] == ["sham"]
    assert judge(controlled).letters == judge(plain).letters
    assert marks(controlled) == marks(plain)
    of_each = [
        {
            selection: [(p.first.label, p.second.label, p.p_holm) for p in pairs]
            for selection, pairs in judge(cell).pairs.items()
        }
        for cell in (plain, controlled)
    ]
    assert of_each[0] == of_each[1]
