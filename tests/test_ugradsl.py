"""UGradSL and UGradSL+: their special cases bit for bit, hand-coded steps, and the loops."""

import copy
import re
import warnings
from itertools import chain

import numpy as np
import pytest
import torch
from toy import (
    accuracy,
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

from mubench.errors import Diverged, InputError
from mubench.methods.ft import FT
from mubench.methods.ga import GA
from mubench.methods.neggrad_plus import NegGradPlus
from mubench.methods.shared.label_smoothing import AdaptiveAlpha, DegenerateWarning, distances
from mubench.methods.ugradsl import UGradSL
from mubench.methods.ugradsl_plus import UGradSLPlus
from mubench.models.training.descent import Descent, descend
from mubench.models.training.loader import Loader

SHORT = {"epochs": 2, "batch_size": 4, "learning_rate": 0.01}


@pytest.fixture
def optimizers(monkeypatch):
    """What `descend` returned to each method, in order."""
    found = []

    def spy(*args, **kwargs):
        found.append(descend(*args, **kwargs))
        return found[-1]

    for name in ("ga", "ft", "ugradsl", "ugradsl_plus", "neggrad_plus"):
        monkeypatch.setattr(f"mubench.methods.{name}.descend", spy)
    return found


def momenta(optimizer):
    state = optimizer.state_dict()["state"]
    return {str(key): value["momentum_buffer"] for key, value in state.items()}


def assert_equal_bit_for_bit(first, second, optimizers, n_forget=10, n=21):
    task = task_of(blobs(n), n_forget)
    original = conv()
    a, b = first.run(original, task), second.run(original, task)
    assert a.status == b.status == "ok"
    assert not same(weights(a.model), weights(original))
    assert same(weights(a.model), weights(b.model))
    assert len(optimizers) == 2
    assert same(*map(momenta, optimizers))


@pytest.mark.parametrize(("epochs", "n_forget"), [(1, 4), (1, 10), (2, 10)])
def test_without_smoothing_and_retain_term_it_is_gradient_ascent(epochs, n_forget, optimizers):
    settings = SHORT | {"epochs": epochs}
    mixed = UGradSL(alpha=0.0, retain_weight=0.0, **settings)
    assert_equal_bit_for_bit(mixed, GA(**settings), optimizers, n_forget)


def test_without_a_retain_term_the_retain_loader_is_never_read(monkeypatch):
    read = []
    take = Loader.next
    monkeypatch.setattr(Loader, "next", lambda self, size: read.append(size) or take(self, size))
    UGradSL(alpha=-0.3, retain_weight=0.0, **SHORT).run(mlp(), task_of(blobs(20), 8))
    assert read == []


def test_with_all_weight_on_retain_the_plus_variant_is_fine_tuning(optimizers):
    assert_equal_bit_for_bit(UGradSLPlus(retain_weight=1.0, **SHORT), FT(**SHORT), optimizers)


@pytest.mark.parametrize("bn_mode", ["train", "eval_frozen"])
def test_without_smoothing_the_plus_variant_is_neggrad_plus(bn_mode, optimizers):
    settings = SHORT | {"retain_weight": 0.8, "bn_mode": bn_mode}
    mixed = UGradSLPlus(alpha=0.0, **settings)
    assert_equal_bit_for_bit(mixed, NegGradPlus(**settings), optimizers)


PLAIN_SGD = {"momentum": 0.0, "weight_decay": 0.0, "augment": False, "epochs": 3}


def test_the_sum_is_the_mean_at_a_learning_rate_times_the_batch():
    task, original = task_of(blobs(16, dtype=torch.float64), 8), mlp().double()
    settings = PLAIN_SGD | {"batch_size": 4, "alpha": -0.4, "retain_weight": 0.7}
    total = UGradSL(reduction="sum", learning_rate=0.01, **settings).run(original, task)
    mean = UGradSL(reduction="mean", learning_rate=0.04, **settings).run(original, task)
    assert distance(weights(total.model), weights(mean.model)) < 1e-12


def test_the_sum_over_unequal_batches_is_the_mean_at_another_retain_weight():
    task, original = task_of(blobs(11, dtype=torch.float64), 3), mlp().double()
    p, size_f, size_r = 0.7, 3, 8  # D_f is smaller than a batch and gives all it has
    settings = PLAIN_SGD | {"batch_size": 8, "alpha": -0.4}
    total = UGradSLPlus(reduction="sum", learning_rate=0.01, retain_weight=p, **settings)
    scale = p * size_r + (1 - p) * size_f
    mean = UGradSLPlus(
        reduction="mean",
        learning_rate=0.01 * scale,
        retain_weight=p * size_r / scale,
        **settings,
    )
    a, b = total.run(original, task), mean.run(original, task)
    assert distance(weights(a.model), weights(b.model)) < 1e-12


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


@pytest.fixture
def taken(monkeypatch):
    """Ids of every batch that a loader gave out, by the loader's way: `epoch` or `next`."""
    found = {"outer": [], "inner": []}
    epoch, following = Loader.epoch, Loader.next

    def spy_epoch(self):
        for batch in epoch(self):
            found["outer"].append(batch.ids.tolist())
            yield batch

    def spy_next(self, size):
        batch = following(self, size)
        found["inner"].append(batch.ids.tolist())
        return batch

    monkeypatch.setattr(Loader, "epoch", spy_epoch)
    monkeypatch.setattr(Loader, "next", spy_next)
    return found


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


def test_ugradsl_plus_passes_over_the_retain_set_and_cycles_the_forget_set(taken):
    task = task_of(blobs(5 + 10), 5)
    found = UGradSLPlus(epochs=1, batch_size=4, learning_rate=1e-3).run(mlp(), task)
    assert [len(ids) for ids in taken["outer"]] == [4, 3, 3]
    assert sorted(chain.from_iterable(taken["outer"])) == list(range(5, 15))
    stream = list(chain.from_iterable(taken["inner"]))
    assert sorted(stream[:5]) == sorted(stream[5:]) == list(range(5))
    assert found.cost.forward_examples == found.cost.backward_examples == 2 * 10


def test_adaptive_rates_give_the_gradients_of_the_same_rates_as_constants(monkeypatch):
    task, original = task_of(blobs(24, dtype=torch.float64), 12), mlp().double()
    settings = PLAIN_SGD | {"batch_size": 12, "epochs": 1, "learning_rate": 0.1}
    rates = []
    adapt = AdaptiveAlpha.__call__
    monkeypatch.setattr(
        AdaptiveAlpha, "__call__", lambda *args: rates.append(adapt(*args)) or rates[-1]
    )
    adaptive = UGradSL(alpha="adaptive", adaptive_beta=0.3, **settings).run(original, task)
    assert rates[0].unique().numel() > 2

    monkeypatch.setattr(
        "mubench.methods.shared.smoothed_ascent.MixedLoss._alpha", lambda *_: rates[0]
    )
    constant = UGradSL(alpha=-1.0, **settings).run(original, task)
    assert same(weights(adaptive.model), weights(constant.model))


@pytest.mark.parametrize(
    "changes",
    [
        {"adaptive_space": "features", "adaptive_metric": "l2_minmax"},
        {"adaptive_space": "probs", "adaptive_metric": "tv"},
        {"adaptive_bank": 6},
        {"adaptive_bank": 6, "adaptive_space": "features", "retain_weight": 0.0},
        {"forward_mode": "joint", "adaptive_space": "features"},
        {"adaptive_mapping": "effort", "adaptive_normaliser": "forget_batch"},
    ],
)
def test_every_adaptive_option_changes_the_step(changes):
    task, original = task_of(blobs(24), 12), mlp()
    train(original, blobs(24))
    settings = {"epochs": 2, "batch_size": 8, "learning_rate": 0.05, "adaptive_beta": 0.4}
    settings |= {"alpha": "adaptive"}
    usual = UGradSL(**settings).run(original, task)
    other = UGradSL(**(settings | changes)).run(original, task)
    assert not same(weights(usual.model), weights(other.model))
    assert not other.model.classifier._forward_pre_hooks


def test_features_are_what_enters_the_classifier_and_cost_no_second_pass(monkeypatch):
    seen = []
    adapt = AdaptiveAlpha.__call__
    monkeypatch.setattr(
        AdaptiveAlpha, "__call__", lambda *args: seen.append(args[1:]) or adapt(*args)
    )
    task, original = task_of(blobs(16), 8), conv()
    method = UGradSL(
        alpha="adaptive",
        adaptive_space="features",
        adaptive_mapping="effort",
        bn_mode="eval_frozen",
        augment=False,
        epochs=1,
        batch_size=8,
    )
    found = method.run(original, task)
    rows = torch.arange(8)
    with torch.no_grad():
        retain, forget = (
            original.eval().features(split.take(rows).inputs)
            for split in (task.retain, task.forget)
        )
    assert torch.allclose(seen[0][0].sum(0), retain.sum(0), atol=1e-5)
    assert torch.allclose(seen[0][1].sum(0), forget.sum(0), atol=1e-5)
    assert found.cost.forward_examples == 2 * 8


def test_features_are_found_in_a_model_that_does_not_name_its_classifier():
    settings = {"alpha": "adaptive", "adaptive_mapping": "effort", "epochs": 1, "batch_size": 8}
    method = UGradSL(adaptive_space="features", **settings)
    named, task = mlp(), task_of(blobs(16), 8)
    unnamed = torch.nn.Sequential(*copy.deepcopy(named.body), copy.deepcopy(named.classifier))
    expected, found = method.run(named, task), method.run(unnamed, task)
    pairs = zip(found.model.parameters(), expected.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_bank_is_fixed_and_its_outputs_are_renewed_every_epoch(monkeypatch):
    seen = []
    adapt = AdaptiveAlpha.__call__
    monkeypatch.setattr(
        AdaptiveAlpha, "__call__", lambda *args: seen.append(args[1].clone()) or adapt(*args)
    )
    task = task_of(blobs(24), 8)
    method = UGradSL(
        alpha="adaptive", adaptive_bank=5, adaptive_mapping="effort", epochs=2, batch_size=4
    )
    found = method.run(conv(), task)
    assert found.model.state_dict()["body.1.num_batches_tracked"] == 2 * 2 * 2  # not the bank's
    assert [len(outputs) for outputs in seen] == [5, 5, 5, 5]
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[1], seen[2])
    assert found.cost.forward_examples == 2 * (2 * 8 + 5)
    assert found.cost.backward_examples == 2 * 2 * 8


def one_class_apart():
    """Three far-off classes, of which the first is to be forgotten."""
    full = blobs(30, noise=0.1)
    order = full.labels.argsort(stable=True)
    task = task_of(full.subset(order), 10)
    original = mlp()
    train(original, full, epochs=60)
    assert accuracy(original, full) == 1.0
    return original, task


def test_a_class_apart_gets_no_smoothing_and_a_warning():
    original, task = one_class_apart()
    settings = {"epochs": 1, "batch_size": 10, "learning_rate": 0.01}
    with pytest.warns(DegenerateWarning, match="adaptive_mapping: effort"):
        adaptive = UGradSL(alpha="adaptive", **settings).run(original, task)
    mixed = UGradSL(alpha=0.0, **settings).run(original, task)
    assert same(weights(adaptive.model), weights(mixed.model))


def test_the_effort_mapping_smooths_a_class_apart_fully_and_without_a_warning():
    original, task = one_class_apart()
    settings = {"epochs": 1, "batch_size": 10, "learning_rate": 0.01}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        adaptive = UGradSL(
            alpha="adaptive", adaptive_mapping="effort", adaptive_scale=0.5, **settings
        ).run(original, task)
    fixed = UGradSL(alpha=-0.5, **settings).run(original, task)
    assert distance(weights(adaptive.model), weights(fixed.model)) < 1e-6


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


def test_a_late_divergence_goes_back_to_the_last_finite_epoch():
    split, model, expected = blobs(12), conv(), conv()

    def descent(model, epochs, poison):
        steps = []

        def loss(batch):
            steps.append(1)
            value = torch.nn.functional.cross_entropy(model(batch.inputs), batch.labels)
            return value * (float("nan") if poison and len(steps) == 8 else 1)

        loader = Loader(split, 4, seed=0, name="x")
        settings = Descent(learning_rate=0.1, epochs=epochs)
        descend(model, settings, lambda _: loader.epoch(), loss, steps_per_epoch=len(loader))

    with pytest.raises(Diverged, match="epoch 3 of 5"):
        descent(model, epochs=5, poison=True)
    descent(expected, epochs=2, poison=False)
    assert same(weights(model), weights(expected))


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


def test_neggrad_plus_penalty_is_flat_where_it_starts_and_pulls_back_later():
    task, original = task_of(blobs(16), 8), mlp()
    one_step = SHORT | {"epochs": 1, "batch_size": 8}
    free = NegGradPlus(**one_step).run(original, task)
    held = NegGradPlus(proximal_weight=10.0, **one_step).run(original, task)
    assert same(weights(free.model), weights(held.model))
    longer = one_step | {"epochs": 10}
    free = NegGradPlus(**longer).run(original, task)
    held = NegGradPlus(proximal_weight=10.0, **longer).run(original, task)
    start = weights(original)
    assert distance(weights(held.model), start) < 0.9 * distance(weights(free.model), start)


def test_neggrad_plus_reshuffles_the_forget_set_on_every_pass(taken):
    NegGradPlus(epochs=3, batch_size=8, learning_rate=1e-3).run(mlp(), task_of(blobs(16), 8))
    assert all(sorted(ids) == list(range(8)) for ids in taken["inner"])
    assert len({tuple(ids) for ids in taken["inner"]}) == 3


def test_fresh_augmentation_is_drawn_on_every_pass_and_only_where_asked():
    class Recorder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(3))
            self.seen = []

        def forward(self, inputs):
            self.seen.append(inputs.sum().item())
            return self.weight.expand(len(inputs), 3)

    for augment, distinct in ((True, 3), (False, 1)):
        model = Recorder()
        task = task_of(blobs(6, dtype=torch.float64), 3)
        FT(epochs=3, augment=augment).unlearn(model, task, None)
        assert len({round(total, 9) for total in model.seen}) == distinct


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


def test_the_bank_is_drawn_from_all_of_retain_and_not_augmented(monkeypatch):
    seen, adapt = [], AdaptiveAlpha.__call__
    monkeypatch.setattr(
        AdaptiveAlpha, "__call__", lambda *a: seen.append(a[1].clone()) or adapt(*a)
    )
    task, original = task_of(blobs(48), 8), conv()
    settings = {"alpha": "adaptive", "adaptive_mapping": "effort", "epochs": 1, "batch_size": 8}
    UGradSL(adaptive_bank=5, **settings).run(original, task)
    rows = torch.randperm(40, generator=task.generator("bank"))[:5]
    with torch.no_grad():
        expected = original.eval()(task.retain.take(rows).inputs)
    assert torch.allclose(seen[0], expected, atol=1e-6)


def test_the_noted_rate_is_that_of_the_last_epoch(monkeypatch):
    rates, adapt = [], AdaptiveAlpha.__call__
    monkeypatch.setattr(AdaptiveAlpha, "__call__", lambda *a: rates.append(adapt(*a)) or rates[-1])
    settings = {"alpha": "adaptive", "adaptive_beta": 0.4, "batch_size": 8, "learning_rate": 0.5}
    found = UGradSL(epochs=2, **settings).run(conv(), task_of(blobs(24), 8))
    assert rates[0].mean() != rates[1].mean()
    assert found.notes["alpha_mean"] == pytest.approx(rates[1].mean().item())


def test_cosine_distances_stay_in_the_unit_interval():
    a = torch.randn(500, 7, generator=torch.Generator().manual_seed(0))
    found = distances(a, torch.cat([a, -a]), "cosine")
    assert found.min() >= 0
    assert found.max() <= 1


def test_two_steps_of_neggrad_plus_by_hand():
    """w (l_r + c/2 |theta - theta_o|^2) - (1 - w) l_f on full batches of a softmax regression."""
    x = torch.randn(12, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    y = torch.arange(12) % 3
    task, original = task_of(split_of(x, y), 6), softmax_regression(5)
    w, c, eta = 0.7, 5.0, 0.3
    plain = {"momentum": 0.0, "weight_decay": 0.0, "augment": False, "batch_size": 6}
    method = NegGradPlus(retain_weight=w, proximal_weight=c, learning_rate=eta, epochs=2, **plain)
    found = method.run(original, task)

    def flat(layer):
        return np.hstack([layer.weight.detach(), layer.bias.detach()[:, None]])

    x1 = np.hstack([x.numpy(), np.ones((12, 1))])

    def gradient(theta, rows):
        z = x1[rows] @ theta.T
        q = np.exp(z) / np.exp(z).sum(1, keepdims=True)
        return (q - np.eye(3)[y.numpy()[rows]]).T @ x1[rows] / len(rows)

    theta = start = flat(original.classifier)
    f, r = np.arange(6), np.arange(6, 12)
    for _ in range(2):
        descent = gradient(theta, r) + c * (theta - start)
        theta = theta - eta * (w * descent - (1 - w) * gradient(theta, f))
    assert abs(flat(found.model.classifier) - theta).max() < 1e-12


def test_the_plus_variant_renews_its_bank_and_notes_its_rate():
    settings = {"alpha": "adaptive", "adaptive_mapping": "effort", "epochs": 2, "batch_size": 4}
    found = UGradSLPlus(adaptive_bank=5, **settings).run(conv(), task_of(blobs(24), 8))
    assert found.notes["alpha_mean"] < 0
    assert found.cost.forward_examples == 2 * (2 * 16 + 5)


def test_the_plus_variant_warns_where_its_rate_is_nothing():
    method = UGradSLPlus(alpha="adaptive", adaptive_beta=0.0, epochs=1, batch_size=4)
    with pytest.warns(DegenerateWarning, match="almost no retain output lies within"):
        method.run(conv(), task_of(blobs(24), 8))
