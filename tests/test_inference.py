"""Every number of the report's statistics against an oracle that shares no code with it."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_world import CELLS, finals, retrains
from scipy import stats
from statsmodels.stats.multitest import multipletests

from mubench.report.analysis import significance
from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.comparisons import compare, judge
from mubench.report.analysis.ranks import ranks
from mubench.report.analysis.significance import (
    LEVEL,
    bootstrap_interval,
    fewest_pairs,
    holm,
    independent,
    letters,
    share_interval,
    sign_flip_p,
)
from mubench.store.results import ReportSource

DIFFERENCES = st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=2, max_size=9)


@given(DIFFERENCES)
def test_the_sign_flip_test_is_scipys_exact_permutation_test(differences):
    expected = stats.permutation_test(
        (np.array(differences),),
        lambda x, axis: np.mean(x, axis=axis),
        vectorized=True,
        permutation_type="samples",
        axis=-1,
    )
    assert sign_flip_p(differences) == pytest.approx(min(1.0, expected.pvalue))


@pytest.mark.parametrize("comparisons", [1, 2, 3, 6, 10, 21, 45])
def test_with_one_pair_fewer_not_even_the_clearest_numbers_survive_holm(comparisons):
    n = fewest_pairs(comparisons)
    clear = [0.1] * n
    assert sign_flip_p(clear) * comparisons <= LEVEL
    assert sign_flip_p(clear[1:]) * comparisons > LEVEL


@settings(max_examples=20)  # statsmodels takes its time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


@pytest.mark.parametrize("n", [3, 6, 10, 30])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_bootstrap_interval_is_scipys_bca_up_to_its_resamples(n, seed, monkeypatch):
    monkeypatch.setattr(significance, "RESAMPLES", 100_000)
    significance._resamples.cache_clear()
    values = np.random.default_rng(seed).exponential(size=n)
    expected = stats.bootstrap((values,), np.mean, n_resamples=100_000, method="BCa", rng=1)
    low, high = bootstrap_interval(values)
    significance._resamples.cache_clear()
    error = 0.04 * values.std()
    assert low == pytest.approx(expected.confidence_interval.low, abs=error)
    assert high == pytest.approx(expected.confidence_interval.high, abs=error)


def test_the_bootstrap_interval_moves_and_stretches_with_its_values():
    values = [0.1, 0.4, 0.2, 0.9, 0.3]
    low, high = bootstrap_interval(values)
    assert bootstrap_interval([2 * v + 5 for v in values]) == pytest.approx(
        (2 * low + 5, 2 * high + 5)
    )


def test_equal_values_have_an_interval_of_no_width_and_one_value_has_none():
    assert bootstrap_interval([0.1] * 5) == pytest.approx((0.1, 0.1))
    assert bootstrap_interval([0.3]) is None


@pytest.mark.parametrize(("hits", "n"), [(0, 6), (6, 6), (4, 6), (13, 20)])
def test_the_interval_of_a_share_is_clopper_and_pearsons(hits, n):
    expected = stats.binomtest(hits, n).proportion_ci(method="exact")
    assert share_interval(hits, n) == pytest.approx((expected.low, expected.high))


NAMES = "abcdef"
APART = st.sets(st.sampled_from([frozenset(pair) for pair in combinations(NAMES, 2)]))


@given(APART)
def test_two_names_share_a_letter_exactly_where_they_are_not_apart(apart):
    found = letters(NAMES, apart)
    for pair in combinations(NAMES, 2):
        shares = bool(set(found[pair[0]]) & set(found[pair[1]]))
        assert shares == (frozenset(pair) not in apart)


@given(APART)
def test_no_letter_is_superfluous(apart):
    found = letters(NAMES, apart)
    groups = {
        letter: {name for name in NAMES if letter in found[name]}
        for letter in set("".join(found.values()))
    }
    for one, other in combinations(groups.values(), 2):
        assert not one <= other
        assert not other <= one


def gaps_of(table, requests):
    """Cells by rows: a source whose rows have these gaps, a little apart by request."""
    records = []
    for number, gaps in enumerate(table):
        cell = f"digits/small_cnn/random-0.{number + 1}"
        records += retrains(cell, requests)
        for row, gap in gaps.items():
            records += finals(cell, row, gap, "tuned", requests)
    cells = tuple(f"digits/small_cnn/random-0.{k + 1}" for k in range(len(table)))
    return ReportSource("toy", "", tuple(records), cells, tuple(table[0]), {}, "")


TABLE = [
    {"ft": 0.3, "ga": 0.1, "iu": 0.2},
    {"ft": 0.3, "ga": 0.2, "iu": 0.1},
    {"ft": 0.3, "ga": 0.1, "iu": 0.2},
    {"ft": 0.2, "ga": 0.1, "iu": 0.3},
]


def test_ranks_and_friedmans_test_are_scipys():
    found = ranks(aggregate(gaps_of(TABLE, 2)))
    columns = [[row[name] for row in TABLE] for name in ("ft", "ga", "iu")]
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*columns).pvalue)
    assert [(row.title, row.rank) for row in found.rows] == [
        ("GA", pytest.approx(1.25)),
        ("IU", pytest.approx(2.0)),
        ("FT", pytest.approx(2.75)),
    ]


def test_the_critical_difference_is_nemenyis():
    """Demšar 2006, table 5: q = 2.343 for three methods."""
    found = ranks(aggregate(gaps_of(TABLE, 2)))
    assert found.critical_difference == pytest.approx(2.343 * (3 * 4 / (6 * 4)) ** 0.5, abs=1e-3)
    assert "No significant difference between any two of the 3 rows" in found.words


def test_equal_rows_share_their_rank():
    found = ranks(aggregate(gaps_of([{"ft": 0.1, "ga": 0.1, "iu": 0.1}] * 3, 2)))
    assert [row.rank for row in found.rows] == [2.0, 2.0, 2.0]
    assert found.friedman_p == 1.0


def test_many_cells_tell_rows_apart():
    found = ranks(aggregate(gaps_of([{"ft": 0.3, "ga": 0.1, "iu": 0.2}] * 9, 1)))
    assert found.critical_difference < 2
    assert found.words.endswith(
        "GA differs significantly from FT: by more than the critical difference of 1.10 ranks. "
        "Cells that share a data set or model are not independent."
    )


def test_two_cells_are_not_ranked():
    assert ranks(aggregate(gaps_of(TABLE[:2], 2))) is None


def test_a_row_that_lacks_a_cell_is_left_out_and_said():
    table = [dict(row) for row in TABLE]
    source = gaps_of(table, 2)
    kept = tuple(r for r in source.records if not (r.row == "iu" and r.cell.endswith("0.3")))
    found = ranks(aggregate(source.of(kept)))
    assert {row.title for row in found.rows} == {"FT", "GA"}
    assert "Not ranked, because numbers are missing: IU." in found.words


def test_improvement_is_the_share_of_requests_that_are_closer():
    cell = aggregate(gaps_of([{"ft": 0.3, "ga": 0.1}], 6))[0]
    pair = compare(cell.methods[1], cell.methods[0])
    assert (pair.wins, pair.improvement) == (6, 1.0)
    low, high = pair.improvement_interval
    assert (low, high) == pytest.approx((0.5407, 1.0), abs=1e-4)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e9, 1e13])
def test_the_size_of_numbers_does_not_change_a_p_value(scale):
    rng = np.random.default_rng(3)
    for n in (3, 6, 9):
        values = rng.uniform(0.2, 0.7, n)
        assert sign_flip_p(values * scale) == pytest.approx(2 ** (1 - n))


def test_requests_that_share_a_training_or_a_forget_set_are_one():
    crossed = [(train, forget) for train in range(2) for forget in range(3)]
    values = [10.0 * train + forget for train, forget in crossed]
    trainings, forgets = zip(*crossed, strict=True)
    assert independent(values, trainings, forgets) == (1.0, 11.0), "two trainings are fewer"
    assert independent(values, range(6), forgets) == (5.0, 6.0, 7.0)
    assert independent(values, range(6), range(6)) == tuple(values)


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
        source = ReportSource("toy", "", tuple(records), CELLS[:1], rows, {}, "")
        found = judge(aggregate(source)[0]).letters
        wrong += len(set(found.values())) > 1
    assert wrong <= stats.binom.ppf(0.999, rounds, LEVEL)


def replace_gap(record, gap, request):
    return replace(record, metrics={**record.metrics, "gap": gap}, request=f"{request}")
