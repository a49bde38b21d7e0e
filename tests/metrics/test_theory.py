"""Theorem 2's closed forms against what they summarise, Theorem 3's against a solver."""

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from mubench.metrics.theory import label_ldp_epsilon, theorem2

properties = settings(derandomize=True, deadline=None, max_examples=60)


def remaining(a, b, alpha, num_classes):
    """Distance to Retrain after an ascent step with rate alpha, from its definition."""
    return np.linalg.norm(a - alpha * (num_classes - 1) / num_classes * b)


@properties
@given(st.integers(0, 10**6), st.integers(2, 100))
def test_best_alpha_has_no_better_neighbour(seed, num_classes):
    """14."""
    a, b = np.random.default_rng(seed).normal(size=(2, 7))
    found = theorem2(a, b, num_classes)
    best = remaining(a, b, found.best_alpha, num_classes)
    assert found.best_error == pytest.approx(best, abs=1e-12)
    assert found.error == pytest.approx(remaining(a, b, 0, num_classes), abs=1e-12)
    assert best <= remaining(a, b, found.best_alpha + 1e-3, num_classes)
    assert best <= remaining(a, b, found.best_alpha - 1e-3, num_classes)
    assert np.sign(found.best_alpha) == np.sign(a @ b)
    assert found.negative_smoothing_helps == (a @ b < 0)
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert found.cosine == pytest.approx(cosine, abs=1e-12)
    assert found.best_error == pytest.approx(np.linalg.norm(a) * math.sqrt(1 - cosine**2), abs=1e-9)
    assert found.relative_improvement == pytest.approx(1 - best / np.linalg.norm(a), abs=1e-12)


def test_nothing_helps_where_a_and_b_are_orthogonal():
    """14: at equality the improvement is not strict."""
    found = theorem2(np.array([1.0, 0.0]), np.array([0.0, 2.0]), 10)
    assert (found.best_alpha, found.cosine, found.relative_improvement) == (0, 0, 0)
    assert not found.negative_smoothing_helps
    assert remaining(np.array([1.0, 0.0]), np.array([0.0, 2.0]), -0.1, 10) > found.error


def test_a_zero_vector_has_no_angle():
    with pytest.raises(ValueError, match="different from zero"):
        theorem2(np.zeros(3), np.ones(3), 10)
    with pytest.raises(ValueError, match="different from zero"):
        theorem2(np.ones(3), np.zeros(3), 10)


@pytest.mark.parametrize("alpha", [-3.0, -0.3, 0.0, 0.4])
@pytest.mark.parametrize("num_classes", [2, 5])
def test_displacements_recombine_to_the_gradient_of_the_smoothed_loss(alpha, num_classes):
    """14: softmax regression; the direct gradient is X^T (q - target), summed over D_f."""
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(30, 6)), rng.normal(size=(6, num_classes))
    labels = rng.integers(0, num_classes, 30)
    q, one_hot = softmax(x @ weights, axis=1), np.eye(num_classes)[labels]

    def gradient(targets):
        return (x.T @ (q - targets)).ravel()

    others = (1 - one_hot) / (num_classes - 1)
    delta_f, delta_n = gradient(one_hot), gradient(others)
    direct = gradient((1 - alpha) * one_hot + alpha / num_classes)
    combined = delta_f + alpha * (num_classes - 1) / num_classes * (delta_n - delta_f)
    np.testing.assert_allclose(combined, direct, atol=1e-9, rtol=0)

    delta_r = rng.normal(size=delta_f.shape)
    a, b = delta_r - delta_f, delta_n - delta_f
    distance = np.linalg.norm(delta_r - direct)
    assert distance == pytest.approx(remaining(a, b, alpha, num_classes), abs=1e-9)


def test_epsilon_of_known_cases():
    """15: K = 10, gamma1 / gamma2 = 1.3."""
    assert label_ldp_epsilon(-0.3, 1.3, 1.0, 10).value == pytest.approx(0, abs=1e-12)
    assert label_ldp_epsilon(-0.2, 1.3, 1.0, 10).value == pytest.approx(math.log(6), abs=1e-12)
    assert label_ldp_epsilon(-0.2, 2.6, 2.0, 10).value == pytest.approx(1.791759, abs=1e-6)


@pytest.mark.parametrize(
    ("alpha", "gamma1", "gamma2", "reason"),
    [
        (-1 / 3, 1.3, 1.0, "alpha < 0"),
        (-0.34, 1.3, 1.0, r"-0\.333333 < alpha < 0"),
        (0.0, 1.3, 1.0, "alpha < 0"),
        (0.1, 1.3, 1.0, "alpha < 0"),
        (-0.2, 1.0, 1.0, "gamma1 > gamma2 > 0"),
        (-0.2, 0.9, 1.0, "gamma1 > gamma2 > 0"),
        (-0.2, 1.0, 0.0, "gamma1 > gamma2 > 0"),
    ],
)
def test_epsilon_outside_its_interval_is_infinite_and_says_why(alpha, gamma1, gamma2, reason):
    """15."""
    epsilon = label_ldp_epsilon(alpha, gamma1, gamma2, 10)
    assert epsilon.value == math.inf
    assert re.search(reason, epsilon.reason)


@pytest.mark.parametrize("alpha", [-0.05, -0.2, -0.3, -0.32])
def test_epsilon_is_the_ratio_of_the_prediction_that_minimises_the_loss(alpha):
    """15: minimise gamma1 l_y - gamma2 l^alpha over the logits, from its definition."""
    num_classes, gamma1, gamma2 = 10, 1.3, 1.0
    one_hot = np.eye(num_classes)[0]
    smoothed = (1 - alpha) * one_hot + alpha / num_classes

    def loss(z):
        log_q = log_softmax(z)
        return gamma1 * -(one_hot @ log_q) - gamma2 * -(smoothed @ log_q)

    def slope(z):
        total = gamma1 * one_hot - gamma2 * smoothed
        return total.sum() * softmax(z) - total

    options = {"gtol": 1e-10}
    found = minimize(loss, np.zeros(num_classes), jac=slope, method="BFGS", options=options)
    log_q = log_softmax(found.x)
    expected = label_ldp_epsilon(alpha, gamma1, gamma2, num_classes).value
    assert abs(log_q[0] - log_q[1]) == pytest.approx(expected, abs=1e-6)
