"""SCRUB: special cases bit for bit, hand-coded epochs, order of passes."""

import copy
from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch

from mubench.errors import InputError
from mubench.methods.base import frozen_copy
from mubench.methods.ft import FT
from mubench.methods.scrub import SCRUB
from mubench.models.training.descent import Hooks
from mubench.models.training.loader import Loader
from tests.support.partial_training import PLAIN_SGD, SHORT
from tests.support.toy import (
    blobs,
    conv,
    distance,
    mlp,
    same,
    softmax_regression,
    split_of,
    task_of,
    weights,
)


def test_without_ascent_and_distillation_it_is_fine_tuning_and_asks_no_teacher():
    task, original = task_of(blobs(21), 10), conv()
    scrub = SCRUB(msteps=0, distill_weight=0.0, ce_weight=1.0, **SHORT).run(original, task)
    ft = FT(**SHORT).run(original, task_of(blobs(21), 10))
    assert not same(weights(ft.model), weights(original))
    assert same(weights(scrub.model), weights(ft.model))
    assert scrub.cost.forward_examples == scrub.cost.backward_examples == 2 * 11


@pytest.mark.parametrize(
    ("changes", "forward"),
    [
        ({}, 2 * 3 * 11 + 2 * 2 * 10),
        ({"msteps": 9}, 2 * 3 * 11 + 2 * 3 * 10),
        ({"distill_weight": 0.0}, 3 * 11 + 2 * 2 * 10),
        ({"ce_weight": 0.0}, 2 * 3 * 11 + 2 * 2 * 10),
    ],
)
def test_the_teacher_is_asked_once_for_each_example_of_a_term(changes, forward):
    settings = {"epochs": 3, "msteps": 2} | changes
    found = SCRUB(**settings).run(mlp(), task_of(blobs(21), 10))
    assert found.cost.forward_examples == forward
    assert found.cost.backward_examples == 3 * 11 + min(settings["msteps"], 3) * 10


def test_without_cross_entropy_no_label_is_read():
    task = task_of(blobs(20), 8)
    task = replace(task, splits={name: s.without_labels() for name, s in task.splits.items()})
    assert SCRUB(ce_weight=0.0, **SHORT).run(mlp(), task).status == "ok"
    with pytest.raises(IndexError, match="out of bounds"):
        SCRUB(**SHORT).run(mlp(), task)


def test_every_epoch_ascends_first_and_only_the_first_msteps_do(monkeypatch):
    passes = []
    epoch = Loader.epoch

    def spy(self):
        passes.append([])
        for batch in epoch(self):
            passes[-1].append(batch.ids.tolist())
            yield batch

    monkeypatch.setattr(Loader, "epoch", spy)
    method = SCRUB(epochs=3, msteps=2, batch_size=4, forget_batch_size=2)
    method.run(mlp(), task_of(blobs(8 + 6), 6))
    forget, retain = list(range(6)), list(range(6, 14))
    assert [sorted(chain(*ids)) for ids in passes] == [forget, retain, forget, retain, retain]
    assert [[len(ids) for ids in batches] for batches in passes[:2]] == [[2, 2, 2], [4, 4]]


def test_the_first_ascent_moves_nothing_without_batchnorm():
    full = blobs(16, dtype=torch.float64)
    task, original = task_of(full, 8), mlp().double()
    settings = PLAIN_SGD | {"epochs": 1, "learning_rate": 1.0, "ce_weight": 0.0}
    dead = SCRUB(msteps=1, **settings).run(original, task)
    assert distance(weights(dead.model), weights(original)) < 1e-12
    cured = SCRUB(msteps=1, alpha=-0.2, **settings).run(original, task)
    assert distance(weights(cured.model), weights(original)) > 1e-2


@pytest.mark.parametrize("alpha", [0.0, -0.8])
def test_epochs_on_softmax_regression_equal_the_written_formula(alpha):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    y = torch.arange(12) % 3
    task, original = task_of(split_of(x, y), 6), softmax_regression(5)
    eta, gamma, weight, T = 0.3, 0.9, 0.4, 2.0
    found = SCRUB(
        epochs=3,
        msteps=2,
        ce_weight=gamma,
        distill_weight=weight,
        temperature=T,
        alpha=alpha,
        learning_rate=eta,
        **PLAIN_SGD,
    ).run(original, task)

    W = original.classifier.weight.detach().numpy()
    b = original.classifier.bias.detach().numpy()
    x_f, x_r, y_r = x[:6].numpy(), x[6:].numpy(), np.eye(3)[y[6:]]

    def softmax(z):
        return np.exp(z) / np.exp(z).sum(1, keepdims=True)

    def soft(x, W, b):
        return softmax((x @ W.T + b) / T)

    theta = W, b
    for epoch in range(3):
        if epoch < 2:
            target = (1 - alpha) * soft(x_f, W, b) + alpha / 3
            error = -T * (soft(x_f, *theta) - target) / 6
            theta = theta[0] - eta * error.T @ x_f, theta[1] - eta * error.sum(0)
        error = gamma * (softmax(x_r @ theta[0].T + theta[1]) - y_r)
        error = (error + weight * T * (soft(x_r, *theta) - soft(x_r, W, b))) / 6
        theta = theta[0] - eta * error.T @ x_r, theta[1] - eta * error.sum(0)
    layer = found.model.classifier
    assert abs(layer.weight.detach().numpy() - theta[0]).max() < 1e-12
    assert abs(layer.bias.detach().numpy() - theta[1]).max() < 1e-12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ce_weight": 0.0, "distill_weight": 0.0}, "ce_weight: 0 leaves no loss on D_r"),
        ({"temperature": 0.0}, "temperature: 0.0 is not above 0"),
    ],
)
def test_settings_without_a_meaning_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        SCRUB(**changes)


@pytest.mark.parametrize(("augment", "distinct"), [(True, 2), (False, 1)])
def test_the_ascent_is_augmented_where_asked(augment, distinct):
    seen, task = [], task_of(blobs(12), 4)
    model = conv()
    model.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    whole = {"batch_size": 99, "forget_batch_size": 99}
    SCRUB(epochs=2, msteps=2, augment=augment, **whole).run(model, task)
    totals = {round(inputs.double().sum().item(), 3) for inputs in seen if len(inputs) == 4}
    assert len(totals) == distinct


class Normalised(torch.nn.Module):
    """LayerNorm in place of BatchNorm: the same function in training and in `eval()` mode."""

    def __init__(self):
        super().__init__()
        self.body = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(16, 8), torch.nn.LayerNorm(8), torch.nn.GELU()
        )
        self.classifier = torch.nn.Linear(8, 3)

    def forward(self, inputs):
        return self.classifier(self.body(inputs))


def test_with_layer_norm_the_first_ascent_step_moves_nothing():
    """28: student and teacher are equal, so that the divergence has no gradient."""
    torch.manual_seed(0)
    original, task = Normalised().double(), task_of(blobs(20, dtype=torch.float64), 8)
    settings = {"epochs": 1, "msteps": 1, "weight_decay": 0.0, "forget_batch_size": 8}
    moved = []

    def look(_):
        pairs = zip(copied.parameters(), original.parameters(), strict=True)
        moved.append(max((a - b).abs().max().item() for a, b in pairs))

    method, copied = SCRUB(learning_rate=1.0, augment=False, **settings), copy.deepcopy(original)
    task = replace(task, original=frozen_copy(original))
    method.distill(copied, task, Hooks(after_step=look))
    assert moved[0] < 1e-12
    assert moved[1] > 1e-3  # the first step of the descent
