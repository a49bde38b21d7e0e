"""NegGrad+: steps by hand, its penalty, its passes."""

import numpy as np
import torch

from mubench.methods.neggrad_plus import NegGradPlus
from tests.support.partial_training import SHORT
from tests.support.toy import (
    blobs,
    distance,
    mlp,
    same,
    softmax_regression,
    split_of,
    task_of,
    weights,
)


def test_neggrad_plus_penalty_is_flat_where_it_starts_and_pulls_back_later():
    task, original = task_of(blobs(16), 8), mlp()
    one_step = SHORT | {"epochs": 1, "batch_size": 8}
    free = NegGradPlus(**one_step).run(original, task)
    held = NegGradPlus(proximal_weight=10.0, **one_step).run(original, task)
    assert same(weights(free.model), weights(held.model))
    longer = one_step | {"epochs": 10}
    free = NegGradPlus(**longer).run(original, task)
    held = NegGradPlus(proximal_weight=10.0, **longer).run(original, task)
    start = weights(original)
    assert distance(weights(held.model), start) < 0.9 * distance(weights(free.model), start)


def test_neggrad_plus_reshuffles_the_forget_set_on_every_pass(taken):
    NegGradPlus(epochs=3, batch_size=8, learning_rate=1e-3).run(mlp(), task_of(blobs(16), 8))
    assert all(sorted(ids) == list(range(8)) for ids in taken["inner"])
    assert len({tuple(ids) for ids in taken["inner"]}) == 3


def test_two_steps_of_neggrad_plus_by_hand():
    """w (l_r + c/2 |theta - theta_o|^2) - (1 - w) l_f on full batches of a softmax regression."""
    x = torch.randn(12, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    y = torch.arange(12) % 3
    task, original = task_of(split_of(x, y), 6), softmax_regression(5)
    w, c, eta = 0.7, 5.0, 0.3
    plain = {"momentum": 0.0, "weight_decay": 0.0, "augment": False, "batch_size": 6}
    method = NegGradPlus(retain_weight=w, proximal_weight=c, learning_rate=eta, epochs=2, **plain)
    found = method.run(original, task)

    def flat(layer):
        return np.hstack([layer.weight.detach(), layer.bias.detach()[:, None]])

    x1 = np.hstack([x.numpy(), np.ones((12, 1))])

    def gradient(theta, rows):
        z = x1[rows] @ theta.T
        q = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        return (q - np.eye(3)[y.numpy()[rows]]).T @ x1[rows] / len(rows)

    theta = start = flat(original.classifier)
    f, r = np.arange(6), np.arange(6, 12)
    for _ in range(2):
        descent = gradient(theta, r) + c * (theta - start)
        theta = theta - eta * (w * descent - (1 - w) * gradient(theta, f))
    assert abs(flat(found.model.classifier) - theta).max() < 1e-12
