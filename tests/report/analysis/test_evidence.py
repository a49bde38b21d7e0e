"""Power and standing of made-up rows whose distances to Retrain are known."""

from dataclasses import replace
from fractions import Fraction
from itertools import product
from math import comb

import pytest

from mubench.metrics.info import METRICS
from mubench.report.analysis.evidence import CellEvidence, Power, power_words, powers
from tests.support.report_cells import CELL, only_cell
from tests.support.report_world import finals, record, retrains

N = 9
FEW = METRICS["relearn_few"]


def with_metric(records, name, value):
    """Records with one more metric, by their request's number."""
    return [
        replace(r, metrics={**r.metrics, name: value(int(r.request.rpartition("/")[2]), r.replica)})
        for r in records
    ]


def original(value, n=N):
    rows = [
        record(
            id=f"o{k}",
            request=f"{CELL}/{k}",
            seed_train=k,
            forget_hash=f"{k:04d}x",
            method="original",
            row="original",
            metrics={"ua": 0.0, "gap": 0.3},
        )
        for k in range(n)
    ]
    return with_metric(rows, FEW.name, value)


def cell(ft, ga, of_original=lambda k, _: 1.0, n=N):
    """Replicas lie 0.01 and 0.02 above Retrain's 0.5; other rows where a test says."""
    held = [
        *with_metric(retrains(CELL, n), FEW.name, lambda k, replica: 0.5 + 0.01 * replica),
        *original(of_original, n),
        *with_metric(finals(CELL, "ft", 0.02, "tuned", n), FEW.name, ft),
        *with_metric(finals(CELL, "ga", 0.02, "tuned", n), FEW.name, ga),
    ]
    return only_cell(held)


def standings(of):
    ranked = of.ranked("tuned")
    return {t.row.label: t.standing for t in CellEvidence(of).tests(FEW, ranked)}


def test_a_row_beside_retrain_is_like_it_and_one_far_away_is_not():
    found = cell(lambda k, _: 0.5 + 0.015 * (-1) ** k, lambda k, _: 0.7 + 0.01 * k)
    assert standings(found) == {"ft": "like Retrain", "ga": "unlike Retrain"}


def test_excess_is_the_distance_less_the_mean_distance_of_other_retrains():
    found = CellEvidence(cell(lambda k, _: 0.5, lambda k, _: 0.4 - 0.01 * k))
    ft, ga = found.tests(FEW, found.cell.ranked("tuned"))
    assert ft.excess == pytest.approx([-0.015] * N)
    assert ga.excess == pytest.approx([0.1 + 0.01 * k - 0.015 for k in range(N)])


def test_p_is_that_of_all_sign_patterns_corrected_for_the_rows():
    found = CellEvidence(cell(lambda k, _: 0.52 + 0.001 * (-1) ** k * k, lambda k, _: 0.9))
    tests = {t.row.label: t for t in found.tests(FEW, found.cell.ranked("tuned"))}
    values = [Fraction(v).limit_denominator(10**6) for v in tests["ft"].excess]
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in product((1, -1), repeat=N)
    ]
    expected = sum(s >= abs(sum(values)) for s in sums) / 2**N
    assert tests["ft"].p_value == pytest.approx(expected)
    assert tests["ga"].p_value == 2 / 2**N
    assert tests["ga"].p_holm == 4 / 2**N
    assert tests["ft"].p_holm == pytest.approx(max(expected, 4 / 2**N))


def test_a_metric_under_which_the_original_is_like_retrain_calls_no_row_like_it():
    found = cell(lambda k, _: 0.5, lambda k, _: 0.9, of_original=lambda k, _: 0.5 + 0.03 * (k % 2))
    assert standings(found) == {"ft": "no power", "ga": "unlike Retrain"}
    assert powers(found, [FEW.name])[FEW.name] == Power(4, 9, 9)


def test_few_requests_decide_nothing():
    found = cell(lambda k, _: 0.5, lambda k, _: 0.9, n=6)
    assert powers(found, [FEW.name])[FEW.name].is_shown
    assert standings(found) == {"ft": "too few requests", "ga": "too few requests"}


def test_the_interval_of_the_power_is_exact():
    """Each end is where a tail of the binomial distribution is 2.5 %."""
    low, high = Power(7, 9, 9).interval
    above = sum(comb(9, k) * low**k * (1 - low) ** (9 - k) for k in range(7, 10))
    below = sum(comb(9, k) * high**k * (1 - high) ** (9 - k) for k in range(8))
    assert (above, below) == pytest.approx((0.025, 0.025), rel=1e-6)
    assert [Power(k, 9, 9).is_shown for k in (7, 8, 9)] == [False, True, True]
    assert Power(0, 0, 9).interval == (0.0, 1.0)


def test_power_lacks_only_where_there_are_requests_enough_to_show_it():
    assert [Power(n, n, n).is_shown for n in (5, 6)] == [False, True]
    assert [Power(n, n, n).is_lacking for n in (5, 6)] == [False, False]
    assert Power(2, 2, 9).is_lacking  # ties: most requests show no difference


def test_a_gap_is_a_distance_already():
    """Rows have gaps of 0.02 (1 + 0.1 k), replicas of 0.01 and 0.02."""
    held = [
        *with_metric(retrains(CELL, N), "gap", lambda k, replica: 0.01 * replica),
        *original(lambda k, _: 1.0),
        *finals(CELL, "ft", 0.02, "tuned", N),
    ]
    found = CellEvidence(only_cell(held))
    [test] = found.tests(METRICS["gap"], found.cell.ranked("tuned"))
    assert test.excess == pytest.approx([0.02 * (1 + 0.1 * k) - 0.015 for k in range(N)])
    assert METRICS["gap"] in found.metrics
    assert METRICS["rte_seconds"] not in found.metrics


def test_words_say_the_counts_and_the_interval():
    assert power_words(Power(9, 9, 9)) == (
        "tells the original from Retrain: the original is farther from Retrain than another "
        "Retrain in 9 of 9 requests (95 % interval 66 to 100 %)"
    )
    assert power_words(Power(4, 9, 9)).startswith("no power to tell the original from Retrain")


def test_without_other_retrains_nothing_is_measured():
    alone = [r for r in retrains(CELL, N) if not r.replica]
    found = only_cell(
        [*with_metric(alone, FEW.name, lambda k, _: 0.5), *original(lambda k, _: 1.0)]
    )
    assert CellEvidence(found).metrics == ()
    assert powers(found, [FEW.name]) == {}
