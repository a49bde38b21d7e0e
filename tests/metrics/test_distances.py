"""Divergences and distances against scipy and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from mubench.metrics import distances
from mubench.metrics.distances import js_per_example
from tests.support.model_outputs import drawn, outputs
from tests.support.property_tests import properties


def test_divergences_of_examples_are_scipys_and_their_mean_the_metric():
    one, other = drawn(1), drawn(1, sharpness=5.0)
    other = other.at(np.random.default_rng(0).permutation(60))
    found = js_per_example(one, other)
    p, q = np.exp(one.of_ids(other.ids).log_probabilities()), np.exp(other.log_probabilities())
    np.testing.assert_allclose(found, jensenshannon(p, q, axis=1) ** 2, atol=1e-9)
    assert found.mean() == pytest.approx(distances.js(one, other), abs=1e-12)
    assert not js_per_example(one, one).any()


def of_probabilities(probabilities, labels):
    with np.errstate(divide="ignore"):
        return outputs(np.maximum(np.log(probabilities), -200), labels)


def test_js_of_disjoint_one_hots_is_ln_2():
    """39."""
    one, other = outputs([[300.0, -300.0]], [0]), outputs([[-300.0, 300.0]], [0])
    assert distances.js(one, other) == pytest.approx(math.log(2), abs=1e-12)
    assert distances.activation_distance(one, other) == pytest.approx(math.sqrt(2), abs=1e-12)
    assert distances.agreement(one, other) == 0


def test_kl_and_js_of_two_classes_match_values_by_hand():
    """39: r = (.5, .5) and u = (.9, .1); KL(r || u) is the 0.510826 of item 28."""
    r, u = of_probabilities([[0.5, 0.5]], [0]), of_probabilities([[0.9, 0.1]], [0])
    assert distances.kl(r, u) == pytest.approx(0.5108256238, abs=1e-7)
    assert distances.kl(u, r) == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2), abs=1e-7)
    half = 0.5 * (0.5 * math.log(0.5 / 0.7) + 0.5 * math.log(0.5 / 0.3))
    half += 0.5 * (0.9 * math.log(0.9 / 0.7) + 0.1 * math.log(0.1 / 0.3))
    assert distances.js(r, u) == pytest.approx(half, abs=1e-7)
    assert distances.activation_distance(r, u) == pytest.approx(0.4 * math.sqrt(2), abs=1e-7)


@properties
@given(st.integers(0, 10**6))
def test_divergences_match_scipy_and_keep_their_laws(seed):
    """39: bounds, symmetry of JS, zero for equals, and blindness to shifts of the logits."""
    from scipy.special import rel_entr, softmax

    one = drawn(seed, 20)
    other = outputs(np.random.default_rng(seed).normal(size=(20, 4)), one.labels)
    p, q = softmax(one.logits.astype(float), axis=1), softmax(other.logits.astype(float), axis=1)
    m = (p + q) / 2
    assert distances.kl(one, other) == pytest.approx(rel_entr(p, q).sum(1).mean(), abs=1e-10)
    expected = (rel_entr(p, m) + rel_entr(q, m)).sum(1).mean() / 2
    assert distances.js(one, other) == pytest.approx(expected, abs=1e-10)
    assert 0 < distances.js(one, other) < math.log(2)
    assert distances.js(one, other) == pytest.approx(distances.js(other, one), abs=1e-14)
    assert distances.kl(one, one) == distances.js(one, one) == 0
    moved = outputs(one.logits + np.arange(20)[:, None], one.labels)
    assert distances.kl(one, moved) == pytest.approx(0, abs=1e-6)


def test_models_that_answered_different_examples_are_not_compared():
    with pytest.raises(ValueError, match=r"shape \(60, 4\) and \(59, 4\)"):
        distances.kl(drawn(0), drawn(0, 59))
    with pytest.raises(KeyError, match="id 0 is not among"):
        distances.agreement(drawn(0, first_id=5), drawn(0))


def test_entropy_of_zero_logits_is_ln_k():
    """48."""
    for num_classes in (2, 10, 100):
        part = outputs(np.zeros((3, num_classes)), [0, 1, 0])
        assert distances.entropy(part) == pytest.approx(math.log(num_classes), abs=1e-12)
    assert distances.entropy(outputs([[900.0, 0.0]], [0])) == 0
