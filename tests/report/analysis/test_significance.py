"""Tests and intervals against oracles that share no code with them."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from mubench.report.analysis import significance
from mubench.report.analysis.significance import (
    LEVEL,
    bootstrap_interval,
    detectable,
    fewest_pairs,
    holm,
    independent,
    letters,
    share_interval,
    sign_flip_p,
)

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


@pytest.mark.parametrize(
    ("differences", "p_value"),
    [([1.0, 2.0, 3.0], 0.25), ([1.0] * 6, 2 / 64), ([1.0, -1.0], 1.0), ([0.0, 0.0], 1.0)],
)
def test_the_sign_flip_test_counts_sign_patterns(differences, p_value):
    assert sign_flip_p(differences) == pytest.approx(p_value)


def test_the_sign_flip_test_of_many_requests_is_drawn_and_always_the_same():
    assert sign_flip_p([1.0] * 20) == sign_flip_p([1.0] * 20) < 0.001
    assert sign_flip_p([1.0, -1.0] * 10) == 1.0


@pytest.mark.parametrize(("pairs", "comparisons"), [(6, 1), (8, 5), (9, 10)])
def test_with_the_fewest_pairs_all_differences_must_have_one_sign(pairs, comparisons):
    """The chance of that is Phi(size)^n, up to the wrong side's."""
    assert fewest_pairs(comparisons) == pairs
    wanted = stats.norm.ppf(0.8 ** (1 / pairs))
    assert detectable(pairs, comparisons) == pytest.approx(wanted, abs=0.08)
    assert detectable(pairs - 1, comparisons) is None


@pytest.mark.parametrize(("pairs", "comparisons"), [(12, 1), (30, 1), (20, 10)])
def test_with_many_pairs_the_power_is_that_of_a_t_test(pairs, comparisons):
    wanted = TTestPower().solve_power(nobs=pairs, alpha=LEVEL / comparisons, power=0.8)
    assert detectable(pairs, comparisons) == pytest.approx(wanted, rel=0.01)


def test_both_computations_of_the_power_agree_where_they_meet(monkeypatch):
    exact = detectable(11)
    monkeypatch.setattr(significance, "_POWER_EXACT_UP_TO", 10)
    assert detectable(11) == pytest.approx(exact, rel=0.05)
