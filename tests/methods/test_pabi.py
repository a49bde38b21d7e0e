"""PABI: the noise against the dynamics that it must hide, and the steps against plain descent."""

import math

import pytest
import torch
from torch import nn

from mubench.errors import InputError, Refused
from mubench.methods.ft import FT
from mubench.methods.pabi import PABI, clip
from mubench.methods.shared.gradients import flatten
from tests.support.toy import Net, blobs, conv, distance, mlp, same, seeded, task_of, weights

PLAIN = {"momentum": 0.0, "weight_decay": 0.0, "learning_rate": 0.1, "batch_size": 10}
OFF = {"clip_weights": 1e9, "decay": 0.0, "epsilon": math.inf, "noise_learning_rate": 0.1}


@pytest.mark.parametrize("net", [mlp, conv])
@pytest.mark.parametrize("epochs", [0, 2])
def test_without_clipping_noise_and_decay_it_is_ft_bit_for_bit(net, epochs):
    original, task = net(), task_of(blobs(40), 10)
    method = PABI(**PLAIN, **OFF, clip_gradients=1e9 / 0.6, epochs=epochs)
    assert method.noisy_steps == 6  # two epochs of three batches
    assert method.noise_deviation == 0
    found, tuned = (m.run(original, task).model for m in (method, FT(**PLAIN, epochs=epochs + 2)))
    assert same(weights(found), weights(tuned))
    assert not same(weights(found), weights(original))


def printed(method):
    """The variance as the paper prints it."""
    c0, c1, eta, lam = (
        method.clip_weights,
        method.clip_gradients,
        method.noise_learning_rate,
        method.decay,
    )
    T, log = method.noisy_steps, math.log(1 / method.delta)
    e = (math.sqrt(log + method.epsilon) - math.sqrt(log)) ** 2
    r = 1 - eta * lam
    start = (2 * c0 * r**T + 2 * c1 / lam * (1 - r**T)) ** 2
    return start * eta * lam * (2 - eta * lam) / (2 * e * (1 - r ** (2 * T)))


SETTINGS = [
    {"clip_weights": 0.1, "clip_gradients": 0.1, "decay": 50.0},
    {"clip_weights": 3.0, "clip_gradients": 20.0, "decay": 1.0},
    {"clip_weights": 1.0, "clip_gradients": 1.0, "decay": 100.0, "noise_learning_rate": 0.01},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_variance_is_the_printed_formula(settings):
    method = PABI(**settings)
    assert method.noise_deviation**2 == pytest.approx(printed(method), rel=1e-9)


def test_the_variance_without_decay_is_the_limit_and_not_half_of_it():
    settings = {"clip_weights": 0.3, "clip_gradients": 2.0, "noise_learning_rate": 0.01}
    none = PABI(decay=0.0, **settings)
    T = none.noisy_steps
    log = math.log(1e5)
    rho = (math.sqrt(log + 1) - math.sqrt(log)) ** 2
    limit = (2 * 0.3 + 2 * 2.0 * 0.01 * T) ** 2 / (2 * rho * T)
    assert none.noise_deviation**2 == pytest.approx(limit, rel=1e-12)
    assert PABI(decay=1e-6, **settings).noise_deviation ** 2 == pytest.approx(limit, rel=1e-4)
    assert printed(PABI(decay=1e-6, **settings)) == pytest.approx(limit, rel=1e-4)


@pytest.mark.parametrize("settings", [*SETTINGS, {"decay": 0.0}])
@pytest.mark.parametrize(("epsilon", "delta"), [(1.0, 1e-5), (0.1, 1e-3), (30.0, 1e-9)])
def test_the_two_farthest_runs_are_within_epsilon(settings, epsilon, delta):
    """Starts at C0 and -C0, pushed apart by C1 each step: two normals of one variance."""
    method = PABI(epsilon=epsilon, delta=delta, **settings)
    r = 1 - method.noise_learning_rate * method.decay
    apart, variance = 2 * method.clip_weights, 0.0
    for _ in range(method.noisy_steps):
        apart = r * apart + 2 * method.noise_learning_rate * method.clip_gradients
        variance = r * r * variance + method.noise_deviation**2
    # Renyi divergence of order a is a rho, which bounds epsilon at the best order
    rho = apart**2 / (2 * variance)
    orders = [1 + 10 ** (k / 400) for k in range(-1600, 1600)]
    told = min(a * rho + math.log(1 / delta) / (a - 1) for a in orders)
    assert told == pytest.approx(epsilon, rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({}, 10),  # 0.1 / (10 * 0.001); the decay would have it 0
        ({"decay": 0.0, "clip_weights": 1.0, "clip_gradients": 4.0}, 250),
        ({"clip_gradients": 0.1}, 93),  # ln(100) / 0.05, where 1,000 would be needed
        ({"clip_gradients": 0.1, "decay": 1.0}, 694),  # ln(2) / 0.001
        ({"clip_weights": 1e-3}, 1),
    ],
)
def test_the_number_of_noisy_steps(settings, steps):
    assert PABI(**settings).noisy_steps == steps


def test_millions_of_noisy_steps_are_refused_and_not_taken():
    method = PABI(clip_weights=50.0, clip_gradients=0.1, noise_learning_rate=1e-3, decay=0.0)
    with pytest.raises(Refused, match="500,000 noisy steps, more than 50,000; raise clip_grad"):
        method.run(mlp(), task_of(blobs(20), 5))


def test_clipping_scales_all_weights_together_to_the_norm():
    model = mlp().double()
    before = flatten(list(model.parameters()))
    clip(list(model.parameters()), 0.7)
    after = flatten(list(model.parameters()))
    assert after.norm() <= 0.7 + 1e-15
    assert (after - before * 0.7 / before.norm()).abs().max() < 1e-15
    clip(list(model.parameters()), 0.8)
    assert torch.equal(flatten(list(model.parameters())), after)
    zeros = [torch.zeros(3)]
    clip(zeros, 0.7)
    assert torch.equal(zeros[0], torch.zeros(3))


def test_a_noisy_step_is_the_clipped_gradient_and_the_decay_of_clipped_weights():
    original, task = mlp().double(), task_of(blobs(30, dtype=torch.float64), 10)
    settings = {"clip_weights": 0.5, "clip_gradients": 50.0, "noise_learning_rate": 0.01}
    method = PABI(**settings, decay=20.0, epsilon=math.inf, epochs=0, batch_size=20)
    assert method.noisy_steps == 1
    found = flatten(list(method.run(original, task).model.parameters()))
    start = mlp().double()
    clip(list(start.parameters()), 0.5)
    batch = next(task.loader("retain", 20, augment=True).cycle([20]))
    loss = nn.functional.cross_entropy(start(batch.inputs), batch.labels)
    gradient = flatten(torch.autograd.grad(loss, list(start.parameters())))
    theta = flatten(list(start.parameters()))
    assert gradient.norm() < 50
    assert (found - (0.8 * theta - 0.01 * gradient)).abs().max() < 1e-12
    small = PABI(**settings | {"clip_gradients": 0.02}, decay=20.0, epsilon=math.inf, epochs=0)
    assert gradient.norm() > 0.02
    assert small.noisy_steps == 35  # ln(1,000) / 0.2: the decay forgets sooner
    moved = flatten(list(small.run(original, task).model.parameters())) - 0.8**35 * theta
    assert 0 < moved.norm() <= 0.01 * 0.02 * sum(0.8**t for t in range(35))


def test_the_weights_end_with_the_noise_of_all_steps():
    original = seeded(lambda: Net(nn.Sequential(nn.Flatten(), nn.Linear(16, 4000)), 4000))
    method = PABI(clip_gradients=0.1, epochs=0, batch_size=10)
    found = flatten(list(method.run(original, task_of(blobs(30), 10)).model.parameters()))
    expected = method.noise_deviation * math.sqrt(sum(0.95 ** (2 * t) for t in range(93)))
    assert found.std().item() == pytest.approx(expected, rel=0.02)
    assert abs(found.mean().item()) < 5 * expected / len(found) ** 0.5


def with_a_frozen_body():
    model = mlp()
    model.body.requires_grad_(False)
    return model


@pytest.mark.parametrize(
    ("net", "is_certified"), [(mlp, 1.0), (conv, 0.0), (with_a_frozen_body, 0.0)]
)
def test_says_where_the_certificate_does_not_hold(net, is_certified):
    found = PABI(epochs=1).run(net(), task_of(blobs(30), 10))
    assert found.status == "ok", found.message
    assert found.notes["certified"] == is_certified


def test_the_noisy_weights_keep_nothing_of_the_original_that_the_noise_would_not_hide():
    task = task_of(blobs(30), 10)
    near = PABI(
        clip_weights=1e-9, clip_gradients=1e-9, noise_learning_rate=0.1, decay=0.0, epochs=0
    )
    first, second = (near.run(seeded(mlp, seed), task).model for seed in (0, 1))
    assert distance(weights(first), weights(second)) < 1e-8


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0.9},
        {"optimizer": "adamw"},
        {"clip_norm": 1e-3},
        {"weight_decay": 0.1, "learning_rate": 9.0},
    ],
)
def test_settings_of_the_fine_tuning_leave_the_noisy_steps_alone(settings):
    original, task = mlp(), task_of(blobs(30), 10)
    usual, changed = (PABI(epochs=0, **s).run(original, task).model for s in ({}, settings))
    assert same(weights(usual), weights(changed))


def test_counts_the_noisy_steps_and_the_fine_tuning():
    cost = PABI(epochs=3, batch_size=8).run(mlp(), task_of(blobs(30), 10)).cost
    assert cost.forward_examples == cost.backward_examples == 10 * 8 + 3 * 20
    cost = PABI(epochs=0, batch_size=64).run(mlp(), task_of(blobs(30), 10)).cost
    assert cost.forward_examples == 10 * 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clip_weights": 0.0}, "clip_weights: must be above 0; got 0.0"),
        ({"clip_gradients": -1.0}, "clip_gradients: must be above 0"),
        ({"noise_learning_rate": 0.0}, "noise_learning_rate: must be above 0"),
        ({"epsilon": 0.0}, "epsilon: must be above 0"),
        ({"epsilon": math.nan}, "epsilon: must be above 0"),
        ({"delta": 1.0}, "delta: must lie between 0 and 1; got 1.0"),
        ({"delta": 0.0}, "delta: must lie between 0 and 1"),
        ({"decay": 1001.0}, r"decay: 1001.0 times noise_learning_rate 0.001 is not in \[0, 1\]"),
        ({"decay": -1.0}, "is not in"),
    ],
)
def test_settings_without_a_certificate_are_an_error(settings, message):
    with pytest.raises(InputError, match=message):
        PABI(**settings)


def test_the_noisy_steps_leave_frozen_statistics_alone():
    original = conv()
    found = PABI(epochs=0, bn_mode="eval_frozen").run(original, task_of(blobs(30), 8)).model
    pairs = zip(found.buffers(), original.buffers(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
