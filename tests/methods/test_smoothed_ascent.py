"""The adaptive rate in the loops of UGradSL: features, bank, warnings."""

import copy
import warnings

import pytest
import torch

from mubench.methods.shared.label_smoothing import AdaptiveAlpha, DegenerateWarning
from mubench.methods.ugradsl import UGradSL
from tests.support.ascents import PLAIN_SGD, one_class_apart
from tests.support.toy import blobs, conv, distance, mlp, same, task_of, train, weights


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

    monkeypatch.setattr("mubench.methods.smoothed_ascent.MixedLoss._alpha", lambda *_: rates[0])
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
