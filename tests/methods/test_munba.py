"""MUNBa: Nash's equations, the released code's formula, and a step by hand."""

from itertools import chain

import numpy as np
import pytest
import torch

from mubench.methods.munba import MUNBa, bargain
from tests.support.distillation import PLAIN_SGD, double_task, numbers, softmax
from tests.support.toy import CLASSES, softmax_regression

SETTINGS = PLAIN_SGD | {"epochs": 1, "clip_norm": 0.0, "learning_rate": 0.3}


def pairs_of_gradients():
    generator = torch.Generator().manual_seed(0)
    for size in (1e-3, 1.0, 50.0):
        for _ in range(5):
            pair = torch.randn(2, 7, generator=generator, dtype=torch.float64)
            yield torch.stack([pair[0], size * pair[1]])


@pytest.mark.parametrize("gradients", [*pairs_of_gradients()])
def test_the_weights_solve_nashs_equations(gradients):
    a = bargain(gradients).numpy()
    gram = (gradients @ gradients.T).numpy()
    np.testing.assert_allclose(gram @ a, 1 / a, rtol=1e-10)
    assert (a > 0).all()
    # both losses fall alike in relative terms: the step's product with each unit gradient is equal
    step = a @ gradients.numpy()
    gains = gradients.numpy() @ step / np.sqrt(np.diag(gram))
    assert gains[0] == pytest.approx(gains[1], rel=1e-10)
    # the closed form that released code evaluates
    (g1, g2), (_, g3) = gram
    first = np.sqrt((g1 * g3 - g2 * np.sqrt(g1 * g3)) / (g1 * g1 * g3 - g1 * g2 * g2))
    np.testing.assert_allclose(a, [first, (1 - g1 * first**2) / (g2 * first)], rtol=1e-7)


@pytest.mark.parametrize(
    "gradients", [[[1.0, 2.0], [-3.0, -6.0]], [[0.0, 0.0], [1.0, 2.0]], [[1.0, 2.0], [0.0, 0.0]]]
)
def test_where_they_cannot_agree_the_weights_are_fixed(gradients):
    assert bargain(torch.tensor(gradients)).tolist() == pytest.approx([1.0, 0.1])


def test_mixed_precision_does_not_round_the_weights():
    gradients = torch.randn(2, 50, generator=torch.Generator().manual_seed(1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = bargain(gradients)
    assert found.dtype == torch.float32
    assert torch.equal(found, bargain(gradients))


def mean_gradient(x, y, W, b):
    """Of the mean cross-entropy, flat (d,): W's, then b's."""
    error = (softmax(x, W, b) - np.eye(CLASSES)[y]) / len(x)
    return np.concatenate([(error.T @ x).ravel(), error.sum(0)])


def test_a_step_is_the_bargain_and_the_rest_of_the_epoch_descends_on_d_r(steps):
    task, original = double_task(14, 4), softmax_regression(16)
    found = MUNBa(batch_size=4, **SETTINGS).run(original, task)
    assert len(steps) == 3  # of D_f's one batch and D_r's three
    labels = task.generator("labels")
    W, b = numbers(original.classifier)
    for number, ((x_r, x_f), _) in enumerate(steps):
        assert (x_f is None) is (number > 0)
        step = mean_gradient(x_r.inputs.flatten(1).numpy(), x_r.labels.numpy(), W, b)
        if x_f is not None:
            y = torch.randint(CLASSES, (4,), generator=labels).numpy()
            g = np.stack([step, mean_gradient(x_f.inputs.flatten(1).numpy(), y, W, b)])
            norms = np.linalg.norm(g, axis=1)
            cosine = g[0] @ g[1] / norms.prod()
            step = (g / norms[:, None]).sum(0) / np.sqrt(1 + cosine)
        W, b = W - 0.3 * step[:-CLASSES].reshape(W.shape), b - 0.3 * step[-CLASSES:]
    for ours, by_hand in zip(numbers(found.model.classifier), (W, b), strict=True):
        np.testing.assert_allclose(ours, by_hand, atol=1e-12)
    assert found.cost.forward_examples == found.cost.backward_examples == 14


def test_of_a_larger_d_f_every_example_is_passed_too(steps):
    task, original = double_task(14, 9), softmax_regression(16)
    MUNBa(batch_size=5, **SETTINGS).run(original, task)
    seen = [part.ids.tolist() for pair, _ in steps for part in pair if part is not None]
    assert sorted(chain.from_iterable(seen)) == list(range(14))
    assert [[part is None for part in pair] for pair, _ in steps] == [[False, False], [True, False]]
