"""SFRon: hand-coded iterations with every option, weights, cost."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mubench.methods.sfron import SFRon
from mubench.methods.shared.gradients import batch_fisher
from mubench.models.training.descent import Descent, cosine
from tests.support.sfron import K, flat_gradient, regression, softmax
from tests.support.toy import (
    blobs,
    conv,
    mlp,
    same,
    softmax_regression,
    split_of,
    task_of,
    train,
    weights,
)


def by_hand(x_f, y_f, x_r, y_r, theta, method):
    """The method on full batches, in numpy: the weights after all iterations."""

    def probabilities(theta, x):
        return softmax(x @ theta[:-K].reshape(K, -1).T + theta[-K:])

    def fisher(x, y):
        return flat_gradient((probabilities(theta, x) - np.eye(K)[y]) / len(y), x) ** 2

    mask = fisher(x_f, y_f) >= method.mask_threshold * fisher(x_r, y_r)
    assert 0 < mask.mean() < 1
    momentum, slow, step = np.zeros_like(theta), theta.copy(), 0
    cycles = math.ceil(method.iterations / method.forget_every)
    steps = cycles * (method.forget_every + (method.ascent_weight > 0))

    def descend(gradient):
        nonlocal theta, momentum, step
        rate = method.learning_rate * (1 + math.cos(math.pi * step / steps)) / 2
        momentum = method.momentum * momentum + gradient + method.weight_decay * theta
        theta, step = theta - rate * momentum, step + 1

    for t in range(method.iterations):
        if t % method.forget_every == 0 and method.ascent_weight:
            a = method.ascent_weight * (1 + math.cos(math.pi * t / method.iterations)) / 2
            q = probabilities(theta, x_f)
            w = (-np.log(q[range(len(y_f)), y_f])) ** -method.weight_exponent
            target = (1 - method.alpha) * np.eye(K)[y_f] + method.alpha / K
            gradient = mask * flat_gradient(-a * (w / w.sum())[:, None] * (q - target), x_f)
            norm = np.linalg.norm(gradient)
            assert norm > method.clip_norm
            clip = method.clip_norm / (norm + 1e-6) if method.clip_norm else 1  # torch's guard
            descend(clip * gradient)
        q = probabilities(theta, x_r)
        descend(flat_gradient((q - np.eye(K)[y_r]) / len(y_r), x_r))
        slow = (1 - method.fast_weight) * slow + method.fast_weight * theta
        theta = slow
    return theta


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"alpha": -0.8},
        {"weight_exponent": 0.0},
        {"weight_exponent": 1.0, "alpha": -0.3},
        {"mask_threshold": 0.3},
        {"clip_norm": 0.0},
        {"fast_weight": 0.7},
        {"forget_every": 1},
        {"forget_every": 3},
        {"ascent_weight": 0.0},
        {"weight_decay": 0.1, "fast_weight": 0.9, "iterations": 5},
    ],
    ids=str,
)
def test_iterations_on_softmax_regression_equal_the_written_formula(changes):
    task, original = regression()
    settings = {"iterations": 4, "forget_every": 2, "learning_rate": 0.2, "clip_norm": 0.5}
    method = SFRon(augment=False, **(settings | changes))
    found = method.run(original, task).model

    def layer(model):
        parts = model.classifier.weight, model.classifier.bias
        return np.concatenate([part.detach().numpy().ravel() for part in parts])

    x, y = torch.cat([task.forget.take(torch.arange(6)).inputs]), task.forget.labels
    x_r, y_r = task.retain.take(torch.arange(6)).inputs, task.retain.labels
    expected = by_hand(x.numpy(), y.numpy(), x_r.numpy(), y_r.numpy(), layer(original), method)
    assert abs(layer(found) - expected).max() < 1e-10


def test_preparing_gives_both_fishers_and_a_search_over_the_threshold_shares_them():
    task, original = regression()
    prepared = SFRon().run_prepare(original, task)
    expected = {
        "forget_fisher": batch_fisher(original, task.forget),
        "retain_fisher": batch_fisher(original, task.retain),
    }
    assert same(prepared.value, expected)
    assert SFRon.prepare_params == ()
    for threshold in (0.5, 3.0):
        method = SFRon(mask_threshold=threshold, iterations=4)
        shared = method.run(original, task, prepared)
        assert same(weights(shared.model), weights(method.run(original, task).model))


def test_an_infinite_threshold_leaves_no_gradient_on_the_forget_set():
    task, original = regression()
    settings = {"iterations": 4, "forget_every": 2, "momentum": 0.0, "weight_decay": 0.0}
    masked = SFRon(mask_threshold=math.inf, **settings).run(original, task)
    other = SFRon(mask_threshold=math.inf, ascent_weight=1.0, **settings).run(original, task)
    assert same(weights(masked.model), weights(other.model))
    assert not same(weights(masked.model), weights(original))


def test_memorised_examples_have_finite_weights_and_smoothing_still_moves_them():
    task, original = regression(dtype=torch.float32)
    train(original, task.forget, epochs=50)
    with torch.no_grad():
        original.classifier.weight *= 1e4
        original.classifier.bias *= 1e4
    logits = original(task.forget.take(torch.arange(6)).inputs).detach().requires_grad_()
    labels = logits.argmax(1)
    for exponent in (0.5, 1.0):
        for alpha in (0.0, -0.3):
            method = SFRon(weight_exponent=exponent, alpha=alpha)
            [gradient] = torch.autograd.grad(method.weighted_loss(logits, labels), logits)
            expected = alpha * (torch.eye(K)[labels] - 1 / K) / 6
            assert torch.allclose(gradient, expected, rtol=0, atol=1e-7)


def test_an_example_whose_loss_is_rounded_to_0_leaves_the_others_their_ascent():
    logits = torch.tensor([[200.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 0.0, 0.0]], requires_grad=True)
    labels = torch.tensor([0, 0, 0])
    [gradient] = torch.autograd.grad(SFRon().weighted_loss(logits, labels), logits)
    assert torch.equal(gradient[0], torch.zeros(3))
    losses = torch.nn.functional.cross_entropy(logits, labels, reduction="none").detach()
    w = losses.clamp(min=1e-7) ** -0.5
    q = logits.detach().softmax(1)
    expected = (w / w.sum())[1:, None] * (q[1:] - torch.eye(3)[labels[1:]])
    assert torch.allclose(gradient[1:], expected, rtol=1e-5, atol=0)
    assert gradient[1:].abs().max() > 1e-4


def test_weights_favour_what_is_fitted_best_and_are_constants_to_the_gradient():
    q = torch.tensor([[0.5, 0.25, 0.25], [0.98, 0.01, 0.01]], dtype=torch.float64)
    logits, labels = q.log().requires_grad_(), torch.tensor([0, 0])
    losses = -q[:, 0].log()
    w = losses**-0.5 / (losses**-0.5).sum()
    found = SFRon().weighted_loss(logits, labels)
    assert found.item() == pytest.approx((w * losses).sum().item(), abs=1e-12)
    [gradient] = torch.autograd.grad(found, logits)
    expected = w[:, None] * (q - torch.eye(3, dtype=torch.float64)[labels])
    assert torch.allclose(gradient, expected, rtol=0, atol=1e-12)
    assert w[1] > 0.8


@pytest.mark.parametrize(
    ("changes", "forward"),
    [
        ({}, 7 * 4 + 3 * 4),
        ({"ascent_weight": 0.0}, 7 * 4),
        ({"forget_every": 1}, 7 * 4 + 7 * 4),
        ({"batch_size": 20}, 7 * 12 + 3 * 8),
        ({"iterations": 0}, 0),
    ],
)
def test_costs_two_passes_for_the_mask_and_one_batch_a_step(changes, forward):
    settings = {"iterations": 7, "forget_every": 3, "batch_size": 4} | changes
    found = SFRon(**settings).run(mlp(), task_of(blobs(20), 8))
    assert found.cost.forward_examples == found.cost.backward_examples == 20 + forward


def test_every_step_is_in_training_mode():
    task, original = task_of(blobs(20), 8), conv()
    found = SFRon(iterations=6, forget_every=2, batch_size=5).run(original, task).model
    assert found.state_dict()["body.1.num_batches_tracked"] == 6 + 3


def test_a_model_that_overflows_goes_back_to_a_finite_cycle():
    task, original = task_of(blobs(20), 8), conv()
    found = SFRon(iterations=50, learning_rate=1e6, clip_norm=0.0).run(original, task)
    assert found.status == "diverged"
    assert all(value.isfinite().all() for value in weights(found.model).values())


def test_a_fisher_that_is_not_finite_is_a_divergence():
    task, original = regression()
    inputs = task.retain.take(torch.arange(6)).inputs.clone()
    inputs[0, 0] = torch.nan
    spoiled = split_of(inputs, task.retain.labels)
    found = SFRon(iterations=4).run(
        original, replace(task, splits={**task.splits, "retain": spoiled})
    )
    assert found.status == "diverged"
    assert "squared gradients are not finite" in found.message
    assert same(weights(found.model), weights(original))


def test_where_both_fishers_are_equal_the_mask_lets_the_ascent_through():
    x = torch.randn(6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.arange(6) % K
    task = task_of(split_of(torch.cat([x, x]), torch.cat([y, y])), 6)
    prepared = SFRon().run_prepare(softmax_regression(5), task)
    equal = replace(prepared, value=dict.fromkeys(prepared.value, torch.ones(18)))
    method = SFRon(iterations=1, forget_every=1, batch_size=6, augment=False)
    ascents = (replace(method, ascent_weight=weight) for weight in (25.0, 1e-12))
    found = [m.run(softmax_regression(5), task, equal).model for m in ascents]
    assert not torch.allclose(found[0].classifier.weight, found[1].classifier.weight, atol=1e-3)


def test_its_descent_gets_all_its_settings():
    values = {
        "learning_rate": 0.3,
        "momentum": 0.1,
        "weight_decay": 0.2,
        "optimizer": "adamw",
        "bn_mode": "eval_frozen",
    }
    task = replace(task_of(blobs(20), 8), precision="bfloat16")
    method = SFRon(iterations=10, forget_every=4, **values)
    expected = Descent(epochs=3, precision="bfloat16", schedule=cosine, **values)
    assert method.settings(task) == expected
