"""Methods that learn from the original: Bad Teacher, DELETE, NPO, against hand-coded losses."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from toy import CLASSES, accuracy, blobs, conv, distance, mlp, softmax_regression, task_of, train
from toy import weights as weights_of

from mubench.errors import InputError
from mubench.methods.bad_teacher import BadTeacher
from mubench.methods.delete import DELETE, masked
from mubench.methods.ga import GA
from mubench.methods.npo import NPO
from mubench.methods.shared.losses import kl_divergence
from mubench.models.training.descent import descend

PLAIN_SGD = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "augment": False}


@pytest.fixture
def steps(monkeypatch):
    """(batch, loss) of every step, in order."""
    found = []

    def spy(model, settings, batches, loss, **rest):
        def recorded(batch):
            value = loss(batch)
            found.append((batch, value.item()))
            return value

        return descend(model, settings, batches, recorded, **rest)

    for name in ("bad_teacher", "delete", "npo"):
        monkeypatch.setattr(f"mubench.methods.{name}.descend", spy)
    return found


def double_task(n, n_forget):
    return task_of(blobs(n, dtype=torch.float64), n_forget)


def numbers(layer):
    return [p.detach().numpy() for p in (layer.weight, layer.bias)]


def softmax(x, W, b):
    z = x @ W.T + b
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)


# Bad Teacher


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_bad_teacher_learns_from_the_untrained_model_on_forget_and_the_original_on_retain(
    temperature, steps
):
    original = conv().double()
    train(original, blobs(24, dtype=torch.float64), epochs=3)
    task = task_of(
        blobs(24, dtype=torch.float64), 8, new_model=lambda: mlp().double()
    )  # another architecture, so that a mix-up shows
    settings = PLAIN_SGD | {"epochs": 1, "batch_size": 24, "retain_fraction": 1.0}
    BadTeacher(temperature=temperature, **settings).run(original, task)
    [((batch, n_forget), found)] = steps
    assert n_forget == 8
    assert sorted(batch.ids[:8].tolist()) == list(range(8))
    assert sorted(batch.ids[8:].tolist()) == list(range(8, 24))
    x = batch.inputs
    with torch.no_grad():
        target = torch.cat([mlp().double()(x[:8]), original.eval()(x[8:])])
        student = original.train()(x)
    log_q, p = (student / temperature).log_softmax(1), (target / temperature).softmax(1)
    expected = temperature**2 * CLASSES * F.kl_div(log_q, p, reduction="none").mean().item()
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_untrained_teacher_is_in_evaluation_mode(steps):
    original = conv().double()
    task = task_of(blobs(24, dtype=torch.float64), 8, new_model=lambda: conv().double().train())
    settings = PLAIN_SGD | {"epochs": 1, "batch_size": 8, "retain_fraction": 0.0}
    BadTeacher(**settings).run(original, task)
    [((batch, _), found)] = steps
    with torch.no_grad():
        p = conv().double().eval()(batch.inputs).softmax(1)
        log_q = original.train()(batch.inputs).log_softmax(1)
    assert found == pytest.approx((p * (p.log() - log_q)).sum(1).mean().item(), rel=1e-12)
    assert found > 1e-6


def test_with_nothing_to_forget_the_loss_and_its_gradient_are_zero(steps):
    original = conv().double()
    task = double_task(16, 0)
    settings = PLAIN_SGD | {"epochs": 2, "batch_size": 4, "learning_rate": 1.0}
    found = BadTeacher(retain_fraction=1.0, bn_mode="eval_frozen", **settings).run(original, task)
    assert found.status == "ok"
    assert len(steps) == 2 * 4
    assert max(abs(value) for _, value in steps) < 1e-12
    assert distance(weights_of(found.model), weights_of(original)) < 1e-12


@pytest.mark.parametrize("classes", [2, 10])
def test_the_divergence_is_averaged_over_examples_and_not_over_classes(classes):
    generator = torch.Generator().manual_seed(0)
    teacher, student = torch.randn(2, 7, classes, generator=generator, dtype=torch.float64)
    over_both = F.kl_div(student.log_softmax(1), teacher.softmax(1), reduction="none").mean()
    found = kl_divergence(teacher, student).mean().item()
    assert found == pytest.approx(classes * over_both.item(), rel=1e-12)


@pytest.mark.parametrize(("fraction", "count"), [(0.0, 0), (0.3, 6), (1.0, 20)])
def test_a_part_of_the_retain_set_is_drawn_once(fraction, count, steps):
    settings = {"epochs": 3, "batch_size": 8, "retain_fraction": fraction}
    found = BadTeacher(**settings).run(mlp(), task_of(blobs(30), 10))
    ids = [int(i) for (batch, _), _ in steps for i in batch.ids]
    epochs = [ids[start : start + 10 + count] for start in range(0, len(ids), 10 + count)]
    assert len(epochs) == 3
    assert all(len(set(epoch)) == 10 + count for epoch in epochs)
    assert {frozenset(epoch) for epoch in epochs} == {frozenset(epochs[0])}
    assert set(range(10)) <= set(epochs[0])
    assert found.cost.forward_examples == 2 * 3 * (10 + count)
    assert found.cost.backward_examples == 3 * (10 + count)


def test_another_seed_draws_another_part(steps):
    for seed in (0, 1):
        BadTeacher(batch_size=30).run(mlp(), task_of(blobs(30), 10, seed=seed))
    first, second = ({int(i) for i in batch.ids} for (batch, _), _ in steps)
    assert len(first) == len(second) == 16
    assert first != second


# DELETE


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


# NPO


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


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        (NPO, {"beta": 0.0}, "beta: 0.0 is not above 0"),
        (BadTeacher, {"temperature": 0.0}, "temperature: 0.0 is not above 0"),
        (BadTeacher, {"retain_fraction": 1.1}, r"retain_fraction: 1.1 is not in \[0, 1\]"),
    ],
)
def test_settings_out_of_range_are_refused(method, changes, message):
    with pytest.raises(InputError, match=message):
        method(**changes)
