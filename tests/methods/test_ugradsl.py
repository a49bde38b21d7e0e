"""UGradSL: special cases bit for bit, hand-coded steps, loops, divergence."""

import re
from itertools import chain

import numpy as np
import pytest
import torch

from mubench.errors import InputError
from mubench.methods.ft import FT
from mubench.methods.ga import GA
from mubench.methods.neggrad_plus import NegGradPlus
from mubench.methods.ugradsl import UGradSL
from mubench.methods.ugradsl_plus import UGradSLPlus
from mubench.models.training.loader import Loader
from tests.support.ascents import PLAIN_SGD, one_class_apart
from tests.support.partial_training import SHORT
from tests.support.toy import (
    accuracy,
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


def test_without_a_retain_term_the_retain_loader_is_never_read(monkeypatch):
    read, take = [], Loader.cycle
    monkeypatch.setattr(
        Loader, "cycle", lambda self, sizes: read.append(sizes) or take(self, sizes)
    )
    for weight, passes in ((0.0, 0), (0.1, SHORT["epochs"])):
        read.clear()
        UGradSL(alpha=-0.3, retain_weight=weight, **SHORT).run(mlp(), task_of(blobs(20), 8))
        assert len(read) == passes


def test_the_sum_is_the_mean_at_a_learning_rate_times_the_batch():
    task, original = task_of(blobs(16, dtype=torch.float64), 8), mlp().double()
    settings = PLAIN_SGD | {"batch_size": 4, "alpha": -0.4, "retain_weight": 0.7}
    total = UGradSL(reduction="sum", learning_rate=0.01, **settings).run(original, task)
    mean = UGradSL(reduction="mean", learning_rate=0.04, **settings).run(original, task)
    assert distance(weights(total.model), weights(mean.model)) < 1e-12


@pytest.mark.parametrize("method", [UGradSL, UGradSLPlus])
@pytest.mark.parametrize("forward_mode", ["separate", "joint"])
def test_one_step_on_softmax_regression_equals_the_written_formula(method, forward_mode):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    y = torch.arange(12) % 3
    task, original = task_of(split_of(x, y), 6), softmax_regression(5)
    p, alpha, eta = 0.65, -0.8, 0.3
    settings = PLAIN_SGD | {"epochs": 1, "batch_size": 6, "learning_rate": eta}
    found = method(alpha=alpha, retain_weight=p, forward_mode=forward_mode, **settings).run(
        original, task
    )

    W = original.classifier.weight.detach().numpy()
    b = original.classifier.bias.detach().numpy()

    def gradients(x, y, alpha):
        z = x @ W.T + b
        q = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        error = (q - ((1 - alpha) * np.eye(3)[y] + alpha / 3)) / len(y)
        return error.T @ x, error.sum(0)

    forget = gradients(x[:6].numpy(), y[:6].numpy(), alpha)
    retain = gradients(x[6:].numpy(), y[6:].numpy(), 0.0)
    expected = [
        theta - eta * (p * g_r - (1 - p) * g_f)
        for theta, g_r, g_f in zip((W, b), retain, forget, strict=True)
    ]
    layer = found.model.classifier
    assert abs(layer.weight.detach().numpy() - expected[0]).max() < 1e-12
    assert abs(layer.bias.detach().numpy() - expected[1]).max() < 1e-12


def test_separate_and_joint_forward_differ_where_batch_statistics_mix():
    task, original = task_of(blobs(16), 8), conv()
    separate, joint = (
        UGradSL(forward_mode=mode, **SHORT).run(original, task) for mode in ("separate", "joint")
    )
    assert not same(weights(separate.model), weights(joint.model))
    frozen = [
        UGradSL(forward_mode=mode, bn_mode="eval_frozen", **SHORT).run(original, task)
        for mode in ("separate", "joint")
    ]
    assert distance(*(weights(f.model) for f in frozen)) < 1e-6
    assert frozen[0].cost.forward_examples == frozen[1].cost.forward_examples == 2 * 2 * 8


def test_ugradsl_passes_over_the_forget_set_and_cycles_the_retain_set(taken):
    task = task_of(blobs(10 + 7), 10)
    found = UGradSL(epochs=2, batch_size=4, learning_rate=1e-3).run(mlp(), task)
    sizes = [4, 3, 3]
    assert [len(ids) for ids in taken["outer"]] == sizes * 2
    assert [len(ids) for ids in taken["inner"]] == sizes * 2
    for epoch in (taken["outer"][:3], taken["outer"][3:]):
        assert sorted(chain.from_iterable(epoch)) == list(range(10))
    assert taken["outer"][:3] != taken["outer"][3:]
    stream = list(
        chain.from_iterable(taken["inner"])
    )  # 20 draws from 7: the position goes on across epochs
    for start in (0, 7):
        assert sorted(stream[start : start + 7]) == list(range(10, 17))
    assert len(set(stream[14:])) == 6
    assert stream[:7] != stream[7:14]
    assert found.cost.forward_examples == found.cost.backward_examples == 2 * 2 * 10


@pytest.mark.parametrize("method", [GA, UGradSL, UGradSLPlus, NegGradPlus, FT])
def test_a_huge_learning_rate_diverges_back_to_the_last_finite_epoch(method):
    task, original = task_of(blobs(20), 8), conv()
    settings = {"learning_rate": 1e6, "batch_size": 4}
    found = method(epochs=5, **settings).run(original, task)
    assert found.status == "diverged"
    epoch = int(
        re.search(r"in epoch (\d) of 5; try a learning rate below 1e\+06", found.message)[1]
    )
    assert epoch > 1
    before = method(epochs=epoch - 1, **settings).run(original, task)
    assert before.status == "ok"
    assert same(weights(found.model), weights(before.model))


def test_negative_smoothing_forgets_where_plain_ascent_has_no_gradient_left():
    original, task = one_class_apart()
    settings = {"retain_weight": 0.8, "epochs": 30, "batch_size": 10, "learning_rate": 0.1}
    methods = {
        0.0: [UGradSL(alpha=-0.5, **settings), UGradSLPlus(alpha=-0.5, **settings)],
        1.0: [UGradSL(alpha=0.0, **settings), NegGradPlus(**settings)],
    }
    for expected, group in methods.items():
        for method in group:
            model = method.run(original, task).model
            assert accuracy(model, task.forget) == expected, method
            assert accuracy(model, task.retain) == 1.0, method


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"retain_weight": 1.2}, r"retain_weight: 1.2 is not in \[0, 1\]"),
        ({"adaptive_metric": "tv"}, "set adaptive_space: probs"),
        ({"retain_weight": 0.0}, "set adaptive_bank above 0"),
    ],
)
def test_settings_that_exclude_each_other_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        UGradSL(alpha="adaptive", **changes)


@pytest.mark.parametrize(
    ("method", "p", "count"),
    [
        (UGradSL, 1.0, 8),
        (UGradSLPlus, 0.0, 12),
        (UGradSLPlus, 1.0, 12),
        (NegGradPlus, 1.0, 12),
        (NegGradPlus, 0.0, 12),
    ],
)
def test_a_term_of_weight_zero_costs_no_pass(method, p, count):
    settings = {"retain_weight": p, "epochs": 1, "batch_size": 4}
    found = method(**settings).run(conv(), task_of(blobs(20), 8))
    assert found.cost.forward_examples == found.cost.backward_examples == count


class Recorder(torch.nn.Module):
    """Notes what it is shown."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))
        self.seen = []

    def forward(self, inputs):
        self.seen.append(inputs.sum().item())
        return self.weight.expand(len(inputs), 3)


@pytest.mark.parametrize("method", [UGradSL, UGradSLPlus, NegGradPlus])
def test_the_forget_batch_goes_forward_first(method):
    task, model = task_of(blobs(8), 4), Recorder()
    method(epochs=1, batch_size=4, augment=False).unlearn(model, task, None)
    splits = (task.forget, task.retain)
    totals = [split.take(torch.arange(4)).inputs.sum().item() for split in splits]
    assert model.seen == pytest.approx(totals, abs=1e-4)
