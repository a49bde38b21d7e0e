"""LoTUS: temperatures, targets and a step by hand, and its end."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mubench.errors import InputError
from mubench.methods.lotus import LoTUS, gumbel
from tests.support.distillation import PLAIN_SGD, double_task, numbers, softmax
from tests.support.toy import CLASSES, blobs, same, softmax_regression, train, weights

ONE_STEP = PLAIN_SGD | {"epochs": 1, "batch_size": 100, "learning_rate": 0.4}


def request_of(n_f=6, n=20, validation=None, is_classwise=False):
    """A task whose D_val is `validation`, by default other blobs, and an original half trained."""
    task, original = double_task(n, n_f), softmax_regression(16)
    full = blobs(n, dtype=torch.float64)
    train(original, full, epochs=2)
    if is_classwise:
        order = full.labels.argsort(stable=True)
        n_f = int((full.labels == 0).sum())
        parts = {"forget": full.subset(order[:n_f]), "retain": full.subset(order[n_f:])}
        task = replace(task, splits=parts)
    held_out = blobs(30, seed=1, dtype=torch.float64) if validation is None else validation
    return replace(task, splits={**task.splits, "validation": held_out}), original


def flat(split):
    inputs, labels, _ = split.take(torch.arange(len(split)))
    return inputs.flatten(1).numpy(), labels.numpy()


def accuracy(split, W, b):
    x, y = flat(split)
    return ((x @ W.T + b).argmax(1) == y).mean()


def test_gumbel_noise_has_its_mean_and_variance():
    drawn = gumbel(torch.zeros(200_000, dtype=torch.float64), torch.Generator().manual_seed(0))
    assert drawn.mean().item() == pytest.approx(np.euler_gamma, abs=0.01)
    assert drawn.var().item() == pytest.approx(np.pi**2 / 6, abs=0.03)


@pytest.mark.parametrize("is_classwise", [False, True])
@pytest.mark.parametrize("alpha", [0.5, 2.0, 8.0])
def test_a_step_of_lotus_is_that_coded_by_hand(alpha, is_classwise, steps):
    """A forgotten class is compared with an accuracy of 0, other examples with that on D_val."""
    task, original = request_of(is_classwise=is_classwise)
    method = LoTUS(temperature_factor=alpha, retain_fraction=0.5, tolerance=1.0, **ONE_STEP)
    found = method.run(original, task)
    [((batch, n), value)] = steps
    forgotten = set(task.forget.ids.tolist())
    assert set(batch.ids[:n].tolist()) == forgotten
    others = set(batch.ids[n:].tolist())
    assert len(others) == round(len(task.retain) / 2)
    assert not others & forgotten

    W, b = numbers(original.classifier)
    x, total = batch.inputs.flatten(1).numpy(), len(batch.labels)
    waits = torch.empty(total, CLASSES).exponential_(generator=task.generator("gumbel"))
    sample = x @ W.T + b - np.log(waits.numpy()).astype(np.float64)
    unseen = 0 if is_classwise else accuracy(task.validation, W, b)
    tau = np.exp(alpha * (accuracy(task.forget, W, b) - unseen))
    target = np.eye(CLASSES)[sample.argmax(1)]
    assert (sample.argmax(1) != batch.labels.numpy())[n:].any()
    scaled = np.exp(sample[:n] / tau)
    target[:n] = scaled / scaled.sum(1, keepdims=True)
    q = softmax(x, W, b)
    entropy = -(target[:n] * np.log(target[:n])).sum()
    cross_entropy = -(target * np.log(q)).sum()
    assert value == pytest.approx((cross_entropy - entropy) / total, rel=1e-6)
    error = (q - target) / total
    expected = W - 0.4 * error.T @ x, b - 0.4 * error.sum(0)
    for ours, by_hand in zip(numbers(found.model.classifier), expected, strict=True):
        np.testing.assert_allclose(ours, by_hand, atol=1e-6)


def test_it_ends_before_the_first_step_where_d_f_is_worse_than_unseen_examples():
    task, original = request_of()
    wrong = task.forget.with_labels((task.forget.labels + 1) % CLASSES)
    found = LoTUS(**ONE_STEP).run(original, replace(task, splits={**task.splits, "forget": wrong}))
    assert same(weights(found.model), weights(original))
    assert found.status == "ok"
    assert found.cost.backward_examples == 0


def test_it_ends_after_the_epoch_that_brings_d_f_below_unseen_examples(steps):
    """Unseen examples are D_f itself, so that any loss of accuracy is the end."""
    task, original = request_of(n_f=8)
    task = replace(task, splits={**task.splits, "validation": task.forget})
    settings = ONE_STEP | {"epochs": 30, "learning_rate": 20.0, "retain_fraction": 0.0}
    W, b = numbers(original.classifier)
    best = accuracy(task.forget, W, b)
    found = LoTUS(temperature_factor=0.0, **settings).run(original, task)
    W, b = numbers(found.model.classifier)
    assert accuracy(task.forget, W, b) <= best - 0.01
    assert 1 <= len(steps) < 30
    # D_val once, and in each epoch D_f's accuracy, the teacher and the model
    assert found.cost.forward_examples == 8 + 8 * len(steps) * 3 + 8


def test_a_share_beyond_all_is_refused():
    with pytest.raises(InputError, match=r"retain_fraction: 1.5 is not in \[0, 1\]"):
        LoTUS(retain_fraction=1.5)
