"""NPO: steps by hand, and gradient ascent at a small beta."""

import math

import numpy as np
import pytest
import torch

from mubench.methods.ga import GA
from mubench.methods.npo import NPO
from tests.support.distillation import PLAIN_SGD, double_task, numbers, softmax
from tests.support.toy import (
    CLASSES,
    accuracy,
    blobs,
    distance,
    mlp,
    softmax_regression,
    task_of,
    train,
)
from tests.support.toy import weights as weights_of


@pytest.mark.parametrize("beta", [0.1, 1.0, 5.0])
def test_the_first_step_of_npo_is_that_of_gradient_ascent(beta, steps):
    task, original = double_task(20, 8), mlp().double()
    settings = PLAIN_SGD | {"epochs": 1, "batch_size": 8, "learning_rate": 0.5}
    bounded = NPO(beta=beta, **settings).run(original, task)
    ascent = GA(**settings).run(original, task)
    assert distance(weights_of(bounded.model), weights_of(ascent.model)) < 1e-13
    assert distance(weights_of(bounded.model), weights_of(original)) > 1e-3
    [(_, found)] = steps
    assert found == pytest.approx(2 / beta * math.log(2), rel=1e-12)


def test_two_steps_of_npo_are_those_coded_by_hand(steps):
    task, original = double_task(11, 5), softmax_regression(16)
    eta, beta = 2.0, 0.7
    settings = PLAIN_SGD | {"epochs": 2, "batch_size": 5, "learning_rate": eta}
    found = NPO(beta=beta, **settings).run(original, task)
    x, y = (v.numpy() for v in task.forget.take(torch.arange(5))[:2])
    x, rows = x.reshape(5, -1), np.arange(5)
    W, b = W0, b0 = numbers(original.classifier)
    start = -np.log(softmax(x, W0, b0)[rows, y])
    for _, value in steps:
        q = softmax(x, W, b)
        rise = -np.log(q[rows, y]) - start
        assert value == pytest.approx(2 / beta * np.log1p(np.exp(-beta * rise)).mean(), rel=1e-12)
        factor = 2 / (1 + np.exp(beta * rise))
        error = -factor[:, None] * (q - np.eye(CLASSES)[y]) / 5
        W, b = W - eta * error.T @ x, b - eta * error.sum(0)
    assert len(steps) == 2
    assert steps[1][1] < steps[0][1]
    for ours, expected in zip(numbers(found.model.classifier), (W, b), strict=True):
        assert abs(ours - expected).max() < 1e-12
    assert found.cost.forward_examples == 2 * 2 * 5
    assert found.cost.backward_examples == 2 * 5


def test_npo_with_a_small_beta_is_gradient_ascent():
    task, original = double_task(20, 8), mlp().double()
    settings = PLAIN_SGD | {"epochs": 5, "batch_size": 4, "learning_rate": 0.1}
    bounded = NPO(beta=1e-7, **settings).run(original, task)
    ascent = GA(**settings).run(original, task)
    assert distance(weights_of(bounded.model), weights_of(ascent.model)) < 1e-6
    assert distance(weights_of(bounded.model), weights_of(original)) > 1e-2


def test_npo_forgets_and_levels_off_where_ascent_runs_away(steps):
    full = blobs(30)
    task, original = task_of(full.subset(full.labels.argsort(stable=True)), 10), mlp()
    train(original, full, epochs=40)
    settings = PLAIN_SGD | {"epochs": 200, "batch_size": 10, "learning_rate": 1.0}
    bounded = NPO(beta=1.0, **settings).run(original, task)
    ascent = GA(**settings).run(original, task)
    assert accuracy(original, task.forget) == 1.0
    assert accuracy(bounded.model, task.forget) == 0.0
    losses = [value for _, value in steps]
    assert losses[0] == pytest.approx(2 * math.log(2), rel=1e-5)
    assert losses == sorted(losses, reverse=True)
    assert 0 <= losses[-1] < 0.01
    start = weights_of(original)
    away = distance(weights_of(ascent.model), start)
    assert distance(weights_of(bounded.model), start) < 0.1 * away
