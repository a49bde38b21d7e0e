"""RL: labels drawn, the order of batches, hand-coded steps."""

from collections import defaultdict
from itertools import chain

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mubench.methods.base import ForgetTask
from mubench.methods.rl import RL
from mubench.models.training.descent import descend
from tests.support.partial_training import PLAIN_SGD, SHORT
from tests.support.toy import (
    CLASSES,
    blobs,
    conv,
    mlp,
    same,
    softmax_regression,
    split_of,
    task_of,
    text,
    tokens,
    weights,
)


@pytest.fixture
def seen(monkeypatch):
    """The batches of each epoch, as `descend` got them."""
    found = defaultdict(list)

    def spy(model, settings, batches, loss, *, steps_per_epoch, hooks):
        def recorded(epoch):
            for mixed in batches(epoch):
                found[epoch].append(mixed)
                yield mixed
            assert len(found[epoch]) == steps_per_epoch

        return descend(
            model, settings, recorded, loss, steps_per_epoch=steps_per_epoch, hooks=hooks
        )

    monkeypatch.setattr("mubench.methods.rl.descend", spy)
    return found


def forget_labels(epoch):
    """The label that each example of D_f had in an epoch, by its id."""
    pairs = [(m.batch.ids[: m.n_forget], m.batch.labels[: m.n_forget]) for m in epoch]
    return {i: y for ids, ys in pairs for i, y in zip(ids.tolist(), ys.tolist(), strict=True)}


def true_and_drawn(n, classes, **changes):
    """Labels of n examples."""
    labels = torch.arange(n) % classes
    splits = {"forget": split_of(torch.zeros(n, 1), labels)}
    task = ForgetTask(splits=splits, num_classes=classes, seed=0, new_model=mlp)
    return labels, RL(**changes).draw(task, task.generator("labels"))


@pytest.mark.parametrize("exclude_true", [False, True])
def test_labels_are_uniform_whatever_the_true_one(exclude_true):
    classes, each = 10, 3000
    labels, found = true_and_drawn(classes * each, classes, exclude_true=exclude_true)
    counts = torch.zeros(classes, classes)
    counts.index_put_((labels, found), torch.tensor(1.0), accumulate=True)
    possible = torch.ones(classes, classes)
    if exclude_true:
        possible -= torch.eye(classes)
    assert (counts > 0).equal(possible > 0)
    expected = each * possible / possible.sum(1, keepdim=True)
    statistic = ((counts - expected) ** 2 / expected).nan_to_num().sum(1)
    critical = 29.7 if not exclude_true else 27.9  # chance 0.0005 at 9 and at 8 degrees of freedom
    assert (statistic < critical).all()


def test_of_two_classes_the_other_one_is_drawn():
    labels, found = true_and_drawn(20, 2, exclude_true=True)
    assert torch.equal(found, 1 - labels)


@pytest.mark.parametrize("schedule", ["mixed", "sequential"])
@pytest.mark.parametrize(("redraw", "is_constant"), [("once", True), ("epoch", False)])
def test_labels_are_drawn_every_epoch_or_once(redraw, is_constant, schedule, seen):
    task = task_of(blobs(40), 20)
    RL(redraw=redraw, schedule=schedule, epochs=3, batch_size=8).run(mlp(), task)
    first, *later = (forget_labels(seen[epoch]) for epoch in range(3))
    assert sorted(first) == list(range(20))
    assert set(first.values()) == set(range(CLASSES))
    assert [labels == first for labels in later] == [is_constant] * 2


def test_the_sequential_schedule_is_all_of_forget_and_then_all_of_retain(seen):
    RL(schedule="sequential", **SHORT).run(mlp(), task_of(blobs(10 + 7), 10))
    for epoch in range(2):
        assert [m.n_forget for m in seen[epoch]] == [4, 3, 3, 0, 0]
        ids = list(chain.from_iterable(m.batch.ids.tolist() for m in seen[epoch]))
        assert sorted(ids[:10]) == list(range(10))
        assert sorted(ids[10:]) == list(range(10, 17))
        assert ids[:10] != sorted(ids[:10])
    assert seen[0][0].batch.ids.tolist() != seen[1][0].batch.ids.tolist()


def test_the_mixed_schedule_shuffles_both_together_every_epoch(seen):
    RL(epochs=4, batch_size=8).run(mlp(), task_of(blobs(10 + 20), 10))
    patterns = []
    for epoch in range(4):
        assert [len(m.batch.ids) for m in seen[epoch]] == [8, 8, 7, 7]
        ids = list(chain.from_iterable(m.batch.ids.tolist() for m in seen[epoch]))
        assert sorted(ids) == list(range(30))
        for mixed in seen[epoch]:
            assert (mixed.batch.ids[: mixed.n_forget] < 10).all()
            retained = mixed.batch.ids[mixed.n_forget :]
            assert (retained >= 10).all()
            assert torch.equal(mixed.batch.labels[mixed.n_forget :], retained % CLASSES)
        patterns.append(tuple(m.n_forget for m in seen[epoch]))
    assert len(set(patterns)) > 1
    assert max(chain.from_iterable(patterns)) < 8


@pytest.mark.parametrize(("examples", "net"), [(blobs, mlp), (tokens, text)])
def test_mixed_inputs_are_those_of_their_ids(examples, net, seen):
    full = examples(30)
    RL(augment=False, **SHORT).run(net(), task_of(full, 10))
    for mixed in chain.from_iterable(seen.values()):
        expected = full.take(mixed.batch.ids).inputs
        assert_close(mixed.batch.inputs, expected, rtol=0, atol=0)


def numpy_step(W, b, x, targets, eta):
    z = x @ W.T + b
    q = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    error = (q - targets) / len(x)
    return W - eta * error.T @ x, b - eta * error.sum(0)


@pytest.mark.parametrize("alpha", [0.0, -0.6])
@pytest.mark.parametrize("schedule", ["mixed", "sequential"])
def test_steps_are_those_coded_by_hand(schedule, alpha, seen):
    full, original, eta = blobs(11, dtype=torch.float64), softmax_regression(16), 0.3
    settings = PLAIN_SGD | {"epochs": 1, "batch_size": 11, "learning_rate": eta}
    found = RL(schedule=schedule, alpha=alpha, **settings).run(original, task_of(full, 4))
    classifier = original.classifier
    W, b = (p.detach().numpy() for p in (classifier.weight, classifier.bias))
    assert len(seen[0]) == {"mixed": 1, "sequential": 2}[schedule]
    for (inputs, labels, _), n_forget in seen[0]:
        rates = np.where(np.arange(len(labels)) < n_forget, alpha, 0.0)[:, None]
        targets = (1 - rates) * np.eye(CLASSES)[labels.numpy()] + rates / CLASSES
        W, b = numpy_step(W, b, inputs.flatten(1).numpy(), targets, eta)
    layer = found.model.classifier
    assert abs(layer.weight.detach().numpy() - W).max() < 1e-12
    assert abs(layer.bias.detach().numpy() - b).max() < 1e-12


def test_without_smoothing_it_is_plain_descent_on_the_drawn_labels_bit_for_bit(seen):
    original, expected = conv(), conv()
    found = RL(alpha=0.0, **SHORT).run(original, task_of(blobs(21), 8))
    settings = {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4, "fused": True}
    optimizer = torch.optim.SGD(expected.parameters(), **settings)
    expected.train()
    for (inputs, labels, _), _n in chain.from_iterable(seen.values()):
        optimizer.zero_grad()
        F.cross_entropy(expected(inputs), labels, reduction="none").mean().backward()
        optimizer.step()
    assert same(weights(found.model), weights(expected))


def test_the_true_labels_are_read_only_to_exclude_them():
    task = task_of(blobs(21), 8)
    hidden = task.declared(frozenset({"forget", "retain"}))
    with_labels, without = conv(), conv()
    RL(**SHORT).unlearn(with_labels, task, None)
    RL(**SHORT).unlearn(without, hidden, None)
    assert same(weights(with_labels), weights(without))
    with pytest.raises(RuntimeError, match="index -1 is out of bounds"):
        RL(exclude_true=True, **SHORT).unlearn(without, hidden, None)


def test_another_seed_trains_on_other_labels(monkeypatch):
    drawn, draw = [], RL.draw
    monkeypatch.setattr(RL, "draw", lambda *args: drawn.append(draw(*args)) or drawn[-1])
    for seed in (0, 1):
        RL(epochs=1).run(conv(), task_of(blobs(60), 40, seed=seed))
    assert not torch.equal(drawn[0], drawn[1])
