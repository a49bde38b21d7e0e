"""NegMerge: fine-tunings, their agreement and its negation by hand."""

import numpy as np
import pytest
import torch

from mubench.errors import InputError
from mubench.methods.neg_merge import NegMerge
from tests.support.distillation import PLAIN_SGD, double_task, numbers, softmax
from tests.support.toy import CLASSES, conv, same, softmax_regression, weights

SETTINGS = PLAIN_SGD | {"epochs": 4, "batch_size": 100, "learning_rate": 2.0}


def tuned(x, y, W, b, learning_rate, epochs):
    """Weights after full-batch descent on the mean cross-entropy."""
    for _ in range(epochs):
        error = (softmax(x, W, b) - np.eye(CLASSES)[y]) / len(x)
        W, b = W - learning_rate * error.T @ x, b - learning_rate * error.sum(0)
    return np.concatenate([W.ravel(), b])


@pytest.mark.parametrize(("models", "rates"), [(1, [0.4]), (3, [0.4, 2.0, 10.0])])
def test_only_what_all_fine_tunings_agree_on_is_subtracted(models, rates):
    task, original = double_task(20, 9), softmax_regression(16)
    method = NegMerge(models=models, spread=5.0, scale=1.5, **SETTINGS)
    found = method.run(original, task)
    inputs, labels, _ = task.forget.take(torch.arange(9))
    x, y = inputs.flatten(1).numpy(), labels.numpy()
    W, b = numbers(original.classifier)
    start = np.concatenate([W.ravel(), b])
    vectors = [tuned(x, y, W, b, rate, 4) - start for rate in rates]
    expected, kept = start.copy(), 0
    for place, values in enumerate(zip(*vectors, strict=True)):
        if all(v > 0 for v in values) or all(v < 0 for v in values):
            expected[place] -= 1.5 * sum(values) / models
            kept += 1
    assert kept == len(start) if models == 1 else 0 < kept < len(start)
    ours = np.concatenate([part.ravel() for part in numbers(found.model.classifier)])
    np.testing.assert_allclose(ours, expected, atol=1e-10)
    assert found.cost.forward_examples == found.cost.backward_examples == models * 4 * 9


def test_one_preparation_serves_every_scale():
    task, original = double_task(24, 8), conv().double()
    prepared = NegMerge(**SETTINGS).run_prepare(original, task)
    steps = {}
    for scale in (0.5, 2.0):
        method = NegMerge(scale=scale, **SETTINGS)
        shared, alone = method.run(original, task, prepared), method.run(original, task)
        assert same(weights(shared.model), weights(alone.model))
        steps[scale] = shared.model.classifier.weight - original.classifier.weight
    torch.testing.assert_close(4 * steps[0.5], steps[2.0], rtol=1e-9, atol=1e-12)


def test_statistics_and_frozen_weights_stay():
    task, original = double_task(24, 8), conv().double()
    original.body[0].requires_grad_(False)
    found = NegMerge(**SETTINGS).run(original, task)
    assert torch.equal(found.model.body[1].running_mean, original.body[1].running_mean)
    assert torch.equal(found.model.body[0].weight, original.body[0].weight)
    assert not torch.equal(found.model.classifier.weight, original.classifier.weight)


def test_no_model_and_a_negative_spread_are_refused():
    with pytest.raises(InputError, match="models: 0 is not above 0"):
        NegMerge(models=0)
    with pytest.raises(InputError, match=r"spread: 0.5 is below 1"):
        NegMerge(spread=0.5)
