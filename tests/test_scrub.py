"""SCRUB and SCRUB+R: special cases bit for bit, hand-coded epochs, order of passes, rewinding."""

import copy
from dataclasses import replace
from fractions import Fraction
from itertools import chain

import numpy as np
import pytest
import torch
from toy import (
    blobs,
    conv,
    distance,
    mlp,
    same,
    softmax_regression,
    split_of,
    task_of,
    train,
    weights,
)

from mubench.errors import InputError, Refused
from mubench.methods.base import frozen_copy
from mubench.methods.ft import FT
from mubench.methods.scrub import SCRUB
from mubench.methods.scrub_r import SCRUBPlusR
from mubench.methods.shared.label_smoothing import gls_kl_divergence
from mubench.methods.shared.losses import kl_divergence
from mubench.models.training.descent import Hooks
from mubench.models.training.evaluate import logits_of
from mubench.models.training.loader import Loader

SHORT = {"epochs": 2, "batch_size": 4, "learning_rate": 0.01}
PLAIN_SGD = {"momentum": 0.0, "weight_decay": 0.0, "augment": False}
ALPHAS = [-0.8, -0.2, 0.3]


def logits(seed, n=5, classes=4):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(n, classes, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.0, *ALPHAS])
def test_smoothed_divergence_is_cross_entropy_with_the_smoothed_soft_target(alpha, temperature):
    teacher, student = logits(0), logits(1)
    t = (teacher / temperature).softmax(1)
    target = (1 - alpha) * t + alpha / 4
    cross = -(target * (student / temperature).log_softmax(1)).sum(1)
    entropy = -(t * t.log()).sum(1)
    found = gls_kl_divergence(teacher, student, alpha, temperature)
    assert torch.allclose(found, temperature**2 * (cross - entropy), rtol=0, atol=1e-10)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize("alpha", [0.0, *ALPHAS])
def test_its_gradient_does_not_vanish_where_student_and_teacher_agree(alpha, temperature):
    teacher = logits(0)
    student = teacher.clone().requires_grad_()
    gls_kl_divergence(teacher, student, alpha, temperature).sum().backward()
    expected = alpha * temperature * ((teacher / temperature).softmax(1) - 1 / 4)
    assert torch.allclose(student.grad, expected, rtol=0, atol=1e-12)


def test_an_alpha_of_zero_is_the_divergence_bit_for_bit():
    teacher, student = logits(0), logits(1)
    plain = kl_divergence(teacher, student, 2.0)
    assert torch.equal(gls_kl_divergence(teacher, student, 0.0, 2.0), plain)


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


REWOUND = {"epochs": 4, "msteps": 1, "alpha": -1.0, "distill_weight": 0.0}
REWOUND |= {"learning_rate": 0.05, "batch_size": 8}


@pytest.fixture(scope="module")
def forgetting():
    """A request on classes 0 and 1, its original, and SCRUB's model after 0, 1, ... epochs."""
    full = blobs(60, noise=0.5)
    order = torch.cat([(full.labels < 2).nonzero()[:20], (full.labels >= 0).nonzero()[-24:]])
    task = task_of(full.subset(order.flatten()), 20)
    original = conv()
    train(original, full, epochs=20)
    models = [SCRUB(**(REWOUND | {"epochs": e})).run(original, task).model for e in range(5)]
    return task, original, models


def wrong(model, split):
    return int((torch.from_numpy(logits_of(model, split)).argmax(1) != split.labels).sum())


def held_out(model, n_wrong, n):
    """n examples of classes 0 and 1 of which the model gets n_wrong wrong; class 2 throughout."""
    full = blobs(3000, seed=1)
    predicted = torch.from_numpy(logits_of(model, full)).argmax(1)
    rows = (predicted < 2).nonzero().flatten()[:n]
    labels = predicted[rows].clone()
    labels[:n_wrong] = 1 - labels[:n_wrong]
    others = (predicted < 2).nonzero().flatten()[n : 3 * n]  # another class: read by nobody
    inputs = full.take(torch.cat([others, rows])).inputs
    return split_of(inputs, torch.cat([torch.full((2 * n,), 2), labels]))


def test_rewinding_takes_the_epoch_whose_forget_error_is_nearest_to_the_reference(forgetting):
    task, original, models = forgetting
    errors = [wrong(model, task.forget) for model in models]
    assert errors[0] == 0
    assert len(set(errors)) > 2
    for target in range(21):
        validation = held_out(models[-1], target, 20)
        here = replace(task, splits={**task.splits, "validation": validation}, notes={})
        found = SCRUBPlusR(**REWOUND).run(original, here)
        nearest = min(range(5), key=lambda e: (abs(errors[e] - target), -e))
        assert same(weights(found.model), weights(models[nearest])), target
        assert found.notes == {"epochs_kept": nearest / 4}


def test_rewinding_to_the_start_gives_the_original_bit_for_bit(forgetting):
    task, original, models = forgetting
    validation = held_out(models[-1], 0, 20)
    found = SCRUBPlusR(**REWOUND).run(
        original, replace(task, splits={**task.splits, "validation": validation})
    )
    assert not same(weights(models[-1]), weights(original))
    assert same(weights(found.model), weights(original))


def test_the_reference_is_a_share_whatever_the_number_of_held_out_examples(forgetting):
    task, original, models = forgetting
    errors = [wrong(model, task.forget) for model in models]

    def nearest(reference):
        return min(range(5), key=lambda e: (abs(errors[e] - reference), -e))

    n_wrong = next(w for w in range(10) if nearest(w) != nearest(Fraction(20 * w, 9)))
    validation = held_out(models[-1], n_wrong, 9)
    here = replace(task, splits={**task.splits, "validation": validation})
    found = SCRUBPlusR(**REWOUND).run(original, here)
    assert same(weights(found.model), weights(models[nearest(Fraction(20 * n_wrong, 9))]))


def test_rewinding_counts_its_evaluations(forgetting):
    task, original, models = forgetting
    validation = held_out(models[-1], 7, 9)
    here = replace(task, splits={**task.splits, "validation": validation})
    plain = SCRUB(**REWOUND).run(original, task).cost
    found = SCRUBPlusR(**REWOUND).run(original, here).cost
    assert found.forward_examples - plain.forward_examples == 5 * 20 + 9
    assert found.backward_examples == plain.backward_examples


def test_no_held_out_example_of_the_forgotten_classes_is_refused(forgetting):
    task, original, _ = forgetting
    full = blobs(30)
    others = full.subset((full.labels == 2).nonzero().flatten())
    here = replace(task, splits={**task.splits, "validation": others})
    with pytest.raises(Refused, match="no held-out example of the forgotten classes"):
        SCRUBPlusR(**REWOUND).run(original, here)


@pytest.mark.parametrize(("augment", "distinct"), [(True, 2), (False, 1)])
def test_the_ascent_is_augmented_where_asked(augment, distinct):
    seen, task = [], task_of(blobs(12), 4)
    model = conv()
    model.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    whole = {"batch_size": 99, "forget_batch_size": 99}
    SCRUB(epochs=2, msteps=2, augment=augment, **whole).run(model, task)
    totals = {round(inputs.double().sum().item(), 3) for inputs in seen if len(inputs) == 4}
    assert len(totals) == distinct


def test_statistics_stay_frozen_though_the_epochs_are_evaluated():
    task, original = task_of(blobs(40), 8), conv()
    task = replace(task, splits={**task.splits, "validation": blobs(9, seed=1)})
    found = SCRUBPlusR(epochs=3, bn_mode="eval_frozen").run(original, task).model
    pairs = zip(found.buffers(), original.buffers(), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_a_divergence_has_its_value_by_hand():
    """28: p = (.5, .5), q = (.9, .1)."""
    teacher, student = torch.zeros(1, 2), torch.tensor([[0.9, 0.1]]).log()
    assert kl_divergence(teacher, student).item() == pytest.approx(0.510826, abs=1e-6)


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
