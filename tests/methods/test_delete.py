"""DELETE: the masked target, and steps by hand."""

import numpy as np
import pytest
import torch

from mubench.methods.delete import DELETE, masked
from tests.support.distillation import PLAIN_SGD, double_task, numbers, softmax
from tests.support.toy import CLASSES, blobs, mlp, softmax_regression, train


def test_the_masked_target_keeps_the_ratios_of_the_other_classes():
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(6, 5, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 3, 4, 2])
    rows = torch.arange(6)
    before, found = logits.softmax(1), masked(logits, labels).softmax(1)
    assert (found[rows, labels] == 0).all()
    assert torch.allclose(found.sum(1), torch.ones(6).double(), rtol=0, atol=1e-12)
    others = before / (1 - before[rows, labels])[:, None]
    others[rows, labels] = 0
    assert torch.allclose(found, others, rtol=1e-12, atol=0)


def test_of_two_classes_the_masked_target_is_the_other_one():
    logits = torch.tensor([[7.0, -3.0], [0.5, 0.25]])
    found = masked(logits, torch.tensor([0, 1])).softmax(1)
    assert found.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def test_delete_starts_at_minus_the_log_of_what_is_not_the_true_class(steps):
    task, original = double_task(20, 8), mlp().double()
    train(original, blobs(20, dtype=torch.float64), epochs=3)
    DELETE(**PLAIN_SGD, epochs=1, batch_size=8).run(original, task)
    [(batch, found)] = steps
    q = original(batch.inputs).softmax(1).gather(1, batch.labels[:, None])
    assert found == pytest.approx(-(1 - q).log().mean().item(), rel=1e-12)


def test_two_steps_of_delete_are_those_coded_by_hand(steps):
    task, original, eta = double_task(11, 5), softmax_regression(16), 0.4
    settings = PLAIN_SGD | {"epochs": 2, "batch_size": 5, "learning_rate": eta}
    found = DELETE(**settings).run(original, task)
    x, y = (v.numpy() for v in task.forget.take(torch.arange(5))[:2])
    x = x.reshape(5, -1)
    W, b = W0, b0 = numbers(original.classifier)
    target = softmax(x, W0, b0) * (1 - np.eye(CLASSES)[y])
    target /= target.sum(1, keepdims=True)
    for _, value in steps:
        q = softmax(x, W, b)
        assert value == pytest.approx(
            np.where(target > 0, target * np.log(np.maximum(target, 1e-300) / q), 0).sum() / 5
        )
        error = (q - target) / 5
        W, b = W - eta * error.T @ x, b - eta * error.sum(0)
    assert len(steps) == 2
    for ours, expected in zip(numbers(found.model.classifier), (W, b), strict=True):
        assert abs(ours - expected).max() < 1e-12
    assert found.cost.forward_examples == 2 * 2 * 5
    assert found.cost.backward_examples == 2 * 5
