"""Methods forget a class of a toy problem and keep the rest."""

import pytest
import torch

from mubench.catalogue.registry import load_method
from mubench.metrics.outputs import Evaluated
from mubench.metrics.score import score
from mubench.run.references import evaluate
from tests.support.toy import accuracy, blobs, softmax_regression, task_of, train


@pytest.fixture(scope="module")
def toy_world():
    """Three blobs, class 0 to forget; original and Retrain (softmax regression), a test split.

    The original is not trained to the end: ascent on what it has memorised has no gradient.
    """
    full, test = blobs(240, seed=0, noise=0.3), blobs(120, seed=1, noise=0.3)
    full = full.subset(torch.argsort(full.labels, stable=True))
    task = task_of(full, 80, seed=3)
    assert task.forget.labels.unique().tolist() == [0]
    original, retrained = (softmax_regression(16).float() for _ in range(2))
    train(original, full, epochs=3, learning_rate=0.02)
    train(retrained, task.retain, epochs=3, learning_rate=0.02)
    return task, test, original, retrained


def outcome(world, name, **params):
    task, test, original, retrained = world
    model = original
    if name:
        unlearned = load_method(name)(batch_size=16, augment=False, **params).run(original, task)
        assert unlearned.status == "ok"
        model = unlearned.model
    parts = {"forget": task.forget, "retain": task.retain, "holdout": test}
    found = [Evaluated(**evaluate(m, parts)) for m in (model, retrained)]
    return score(*found, forget_classes=(0,)).values


def test_retrain_forgets_a_class_whole_and_the_original_nothing(toy_world):
    task, _, original, retrained = toy_world
    assert accuracy(retrained, task.forget) == 0.0
    assert accuracy(retrained, task.retain) >= 0.95
    assert accuracy(original, task.forget) >= 0.95
    assert outcome(toy_world, "")["retrain_ua"] == 1.0


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("ga", {"learning_rate": 0.05, "epochs": 20, "momentum": 0.0}),
        ("neggrad_plus", {"learning_rate": 0.05, "epochs": 5, "retain_weight": 0.7}),
        ("ugradsl", {"learning_rate": 0.05, "epochs": 5, "retain_weight": 0.7, "alpha": -0.2}),
        ("ugradsl_plus", {"learning_rate": 0.05, "epochs": 5, "retain_weight": 0.7}),
    ],
)
def test_methods_with_fitting_params_forget_the_class_and_keep_the_rest(toy_world, name, params):
    values = outcome(toy_world, name, **params)
    assert values["ua"] >= 0.95
    assert values["ra"] >= 0.95
    assert values["gap"] < outcome(toy_world, "")["gap"]


def test_fine_tuning_with_a_tiny_step_forgets_nothing(toy_world):
    values = outcome(toy_world, "ft", learning_rate=1e-6, epochs=5)
    assert values["ua"] <= 0.05
    assert values["gap"] == pytest.approx(outcome(toy_world, "")["gap"], abs=0.02)
