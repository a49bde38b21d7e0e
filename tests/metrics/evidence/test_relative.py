"""The relative test: known answers, brute force, and its share of rejections under the null."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import softmax

from mubench.metrics.evidence.relative import Kernels, errors, exchanges, relative
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import model


def context(target, original, retrained):
    return ModelContext(target, before=original, references=(retrained,))


def mmd(x, y, width):
    """Biased squared MMD by Gretton et al. 2012, Eq. 5."""
    xx, yy, xy = (np.exp(-cdist(a, b, "sqeuclidean") / width) for a, b in ((x, x), (y, y), (x, y)))
    return xx.mean() + yy.mean() - 2 * xy.mean()


def answers(seed, n=30, sharpness=2.0):
    rng = np.random.default_rng(seed)
    q = softmax(rng.normal(size=(n, 4)) + sharpness * np.eye(4)[0], axis=1)
    return q - np.eye(4)[0]


def width_of(*sides):
    pooled = np.concatenate(sides)
    distances = cdist(pooled, pooled, "sqeuclidean")
    return np.median(distances[distances > 1e-12])


def test_retrains_answers_are_one_and_the_originals_minus_one():
    retrained, original = model(1), model(2, sharpness=6.0)
    same = relative(context(retrained, original, retrained))
    assert same["relative_distance"] == pytest.approx(1.0, abs=1e-12)
    assert same["relative_p"] == 0.001
    assert same["two_sample_p"] == 1.0
    unchanged = relative(context(original, original, retrained))
    assert unchanged["relative_distance"] == pytest.approx(-1.0, abs=1e-12)
    assert unchanged["relative_p"] == 1.0
    assert unchanged["two_sample_p"] == 0.001


def test_another_retrain_is_nearer_to_retrain():
    found = relative(context(model(3), model(2, sharpness=6.0), model(1)))
    assert found["relative_distance"] > 0.8
    assert found["relative_p"] < 0.01


def test_the_distance_is_that_of_two_discrepancies():
    sides = [answers(k, sharpness=s) for k, s in ((0, 2.0), (1, 3.0), (2, 1.0))]
    width = width_of(*sides)
    to_original, to_retrained = (mmd(sides[0], side, width) for side in sides[1:])
    expected = (to_original - to_retrained) / (to_original + to_retrained)
    assert Kernels.of(*sides).relative_distance() == pytest.approx(expected, abs=1e-10)


def test_p_values_are_those_of_exchanged_answers():
    """By brute force: the answers themselves are exchanged, and all distances taken again."""
    target, original, retrained = (answers(k, 12, s) for k, s in ((0, 2.2), (1, 3.0), (2, 1.6)))
    signs = np.random.default_rng(5).choice([-1.0, 1.0], size=(60, 12))
    width = width_of(target, original, retrained)

    def exchanged(x, y, sign):
        keep = (sign > 0)[:, None]
        return np.where(keep, x, y), np.where(keep, y, x)

    def difference(sign):
        o, r = exchanged(original, retrained, sign)
        return mmd(target, o, width) - mmd(target, r, width)

    def distance(sign):
        return mmd(*exchanged(target, retrained, sign), width)

    kernels = Kernels.of(target, original, retrained)
    tests = ((difference, kernels.relative_p(signs)), (distance, kernels.two_sample_p(signs)))
    for statistic, p in tests:
        found = statistic(np.ones(12))
        expected = (1 + sum(statistic(sign) >= found - 1e-12 for sign in signs)) / 61
        assert p == pytest.approx(expected, abs=1e-12)


def test_the_exchanges_depend_on_the_examples_alone_and_are_fair_coins():
    one = exchanges(np.arange(40))
    assert one.shape == (999, 40)
    assert set(np.unique(one)) == {-1.0, 1.0}
    assert abs(one.mean()) < 4 / np.sqrt(one.size)
    assert (one == exchanges(np.arange(40))).all()
    assert (one != exchanges(np.arange(1, 41))).any()


def test_errors_are_zero_for_who_is_sure_and_right():
    one = model(1).forget
    q = softmax(one.logits.astype(float), axis=1)
    np.testing.assert_allclose(errors(one), q - np.eye(4)[one.labels], atol=1e-6)


def share_of_rejections(draws, name, n=25):
    """Answers of three models are independent draws of one distribution: no test should see any."""
    rng = np.random.default_rng(11)
    rejected = 0
    for draw in range(draws):
        kernels = Kernels.of(*(rng.normal(size=(n, 3)) for _ in range(3)))
        rejected += getattr(kernels, name)(exchanges(draw * n + np.arange(n))) <= 0.05
    return rejected / draws


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relative_p", "two_sample_p"])
def test_under_the_null_the_tests_reject_as_often_as_they_say(name):
    """4 to 6 %; 4,000 draws have a standard error of 0.34 points."""
    assert 0.04 <= share_of_rejections(4000, name) <= 0.06


def test_it_says_what_it_lacks():
    related = context(model(1), model(2), model(3))
    for lacking in (replace(related, before=None), replace(related, references=())):
        with pytest.raises(NoValue, match="no original or no other Retrain"):
            relative(lacking)
    one = model(1)
    with pytest.raises(NoValue, match="original and Retrain have the same answers"):
        relative(context(one, one, one))
    flat = replace(one, forget=one.forget.at(np.zeros(1, int)))
    with pytest.raises(NoValue, match="all answers on D_f are the same"):
        relative(context(flat, flat, flat))
