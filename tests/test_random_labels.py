"""RL and SalUn: labels drawn, the order of batches, hand-coded steps, what a mask lets move."""

from collections import defaultdict
from itertools import chain

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close
from toy import (
    CLASSES,
    blobs,
    conv,
    distance,
    mlp,
    same,
    softmax_regression,
    split_of,
    task_of,
    text,
    tokens,
    weights,
)

from mubench.errors import InputError
from mubench.methods.base import ForgetTask
from mubench.methods.rl import RL
from mubench.methods.salun import SalUn, largest
from mubench.methods.shared.mixed_batches import mixed_epoch
from mubench.models.training.descent import descend

SHORT = {"epochs": 2, "batch_size": 4, "learning_rate": 0.01}
PLAIN_SGD = {"momentum": 0.0, "weight_decay": 0.0, "augment": False}


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


def test_every_place_of_a_mixed_epoch_is_as_likely_to_be_of_the_forget_set():
    task = task_of(blobs(20), 5)
    forget, retain = (task.loader(name, 5, augment=False) for name in ("forget", "retain"))
    order, epochs = task.generator("mixed"), 1000
    drawn = [[m.n_forget for m in mixed_epoch(forget, retain, order)] for _ in range(epochs)]
    counts = torch.tensor(drawn).double()
    variance = 5 * 0.25 * 0.75 * (20 - 5) / (20 - 1)  # hypergeometric: 5 of 20 places, 5 taken
    assert (counts.mean(0) - 5 * 0.25).abs().max() < 4 * (variance / epochs) ** 0.5
    assert counts.var().item() == pytest.approx(variance, rel=0.1)


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
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
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


def test_other_labels_leave_the_split_and_its_source_as_they_were():
    full = blobs(9)
    part = full.subset(torch.tensor([5, 1, 7]))
    changed = part.with_labels(torch.tensor([0, 2, 2]))
    assert changed.labels.tolist() == [0, 2, 2]
    assert changed.ids.tolist() == part.ids.tolist() == [5, 1, 7]
    assert torch.equal(changed.take(torch.arange(3)).inputs, part.take(torch.arange(3)).inputs)
    assert part.labels.tolist() == [2, 1, 1]
    assert full.labels.tolist() == [i % CLASSES for i in range(9)]


# SalUn


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6])
def test_the_mask_takes_exactly_the_largest_and_of_equal_ones_the_first(count):
    values = torch.tensor([3.0, 1.0, 3.0, 0.0, 3.0, 1.0])
    order = [0, 2, 4, 1, 5, 3]
    expected = torch.zeros(6, dtype=torch.bool)
    expected[order[:count]] = True
    assert torch.equal(largest(values, count), expected)


def saliency(model, split):
    """|gradient| of the summed cross-entropy in `eval()` mode, in one batch."""
    batch = split.take(torch.arange(len(split)))
    loss = F.cross_entropy(model.eval()(batch.inputs), batch.labels, reduction="sum")
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return torch.cat([g.flatten() for g in gradients]).abs()


def parameters(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_saliency_is_the_size_of_the_summed_gradient_of_an_evaluating_model():
    task, original = task_of(blobs(600, dtype=torch.float64), 300), conv().double()
    found = SalUn().run_prepare(original, task)
    assert found.value.keys() == {"saliency"}
    expected = saliency(original, task.forget)
    assert torch.allclose(found.value["saliency"], expected, rtol=0, atol=1e-9)
    assert found.cost.forward_examples == found.cost.backward_examples == 300


def test_a_saliency_that_is_not_finite_is_a_divergence_before_any_descent():
    inputs = torch.zeros(6, 1, 4, 4)
    inputs[2] = float("inf")
    task = task_of(split_of(inputs, torch.arange(6) % CLASSES), 4)
    found = SalUn().run(mlp(), task)
    assert (found.status, found.message) == (
        "diverged",
        "the gradient on D_f is not finite; check the inputs",
    )
    assert found.cost.forward_examples == 4
    assert same(weights(found.model), weights(mlp()))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.999])
def test_a_strict_mask_moves_the_most_salient_weights_alone(share, optimizer):
    task, original = task_of(blobs(24), 8), mlp()
    settings = {"epochs": 2, "batch_size": 5, "optimizer": optimizer, "learning_rate": 0.01}
    found = SalUn(trainable_share=share, **settings).run(original, task)
    moved = parameters(found.model) != parameters(original)
    order = saliency(original, task.forget).argsort(descending=True, stable=True)
    expected = torch.zeros_like(moved)
    expected[order[: int(share * len(order))]] = True
    assert torch.equal(moved, expected)


def test_without_a_strict_mask_weight_decay_moves_the_masked_weights():
    task, original = task_of(blobs(24, dtype=torch.float64), 8), mlp().double()
    settings = PLAIN_SGD | {"epochs": 2, "batch_size": 5, "learning_rate": 0.1}
    settings |= {"trainable_share": 0.5, "strict_mask": False, "weight_decay": 0.01}
    found = SalUn(**settings).run(original, task)
    mask = largest(saliency(original, task.forget), int(0.5 * len(parameters(original))))
    steps = 2 * 5
    expected = parameters(original) * (1 - 0.1 * 0.01) ** steps
    assert torch.allclose(parameters(found.model)[~mask], expected[~mask], rtol=1e-13, atol=0)
    assert not torch.allclose(parameters(found.model)[mask], expected[mask], rtol=1e-3, atol=0)


def test_without_weight_decay_both_masks_are_the_same():
    task, original = task_of(blobs(24), 8), conv()
    settings = SHORT | {"weight_decay": 0.0}
    strict, leaky = (
        SalUn(strict_mask=mask, **settings).run(original, task) for mask in (True, False)
    )
    assert same(weights(strict.model), weights(leaky.model))
    assert not same(weights(strict.model), weights(original))


@pytest.mark.parametrize("changes", [{}, {"schedule": "sequential", "exclude_true": True}])
@pytest.mark.parametrize("strict_mask", [True, False])
def test_with_every_weight_trainable_it_is_rl_bit_for_bit(strict_mask, changes):
    task, original, settings = task_of(blobs(24), 8), conv(), SHORT | changes
    masked = SalUn(trainable_share=1.0, strict_mask=strict_mask, **settings).run(original, task)
    plain = RL(**settings).run(original, task)
    assert same(weights(masked.model), weights(plain.model))
    assert masked.cost.forward_examples == plain.cost.forward_examples + 8


def test_one_preparation_serves_every_share():
    task, original = task_of(blobs(24), 8), conv()
    prepared = SalUn(trainable_share=0.2).run_prepare(original, task)
    for share in (0.1, 0.9):
        method = SalUn(trainable_share=share, **SHORT)
        shared, alone = method.run(original, task, prepared), method.run(original, task)
        assert same(weights(shared.model), weights(alone.model))
    assert distance(weights(shared.model), weights(original)) > 0


def test_a_share_beyond_all_weights_is_refused():
    with pytest.raises(InputError, match=r"trainable_share: 1.5 is not in \[0, 1\]"):
        SalUn(trainable_share=1.5)


def test_another_seed_trains_on_other_labels(monkeypatch):
    drawn, draw = [], RL.draw
    monkeypatch.setattr(RL, "draw", lambda *args: drawn.append(draw(*args)) or drawn[-1])
    for seed in (0, 1):
        RL(epochs=1).run(conv(), task_of(blobs(60), 40, seed=seed))
    assert not torch.equal(drawn[0], drawn[1])
