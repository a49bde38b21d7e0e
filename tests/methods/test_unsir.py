"""UNSIR: the noise by hand, and what each phase sees."""

import numpy as np
import pytest
import torch

from mubench.catalogue import cards
from mubench.errors import InputError, Refused
from mubench.methods.unsir import UNSIR, first_of_each
from tests.support.distillation import PLAIN_SGD, numbers, softmax
from tests.support.toy import CLASSES, blobs, mlp, softmax_regression, task_of, tokens

SHORT = {"noise_size": 6, "noise_steps": 5, "noise_copies": 2, "augment": False}


def class_task(classes, n=30):
    """D_f is all of some classes."""
    full = blobs(n, dtype=torch.float64)
    inside = torch.isin(full.labels, torch.tensor(classes))
    order = torch.cat([inside.nonzero(), (~inside).nonzero()]).flatten()
    return task_of(full.subset(order), int(inside.sum()))


@pytest.mark.parametrize("classes", [[1], [0, 2]])
def test_the_noise_is_adams_on_a_linear_model(classes):
    task, original = class_task(classes), softmax_regression(16)
    value = UNSIR(**SHORT).run_prepare(original, task).value
    y = np.array([classes[i % len(classes)] for i in range(6)])
    assert value["labels"].tolist() == y.tolist()
    W, b = numbers(original.classifier)
    noise = torch.randn(6, 1, 4, 4, generator=task.generator("noise"))
    x = noise.flatten(1).numpy().astype(np.float64)
    first, second = np.zeros_like(x), np.zeros_like(x)
    for t in range(1, 6):
        slope = 0.2 * x / 6 - (softmax(x, W, b) - np.eye(CLASSES)[y]) @ W / 6
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        x = x - 0.1 * (first / (1 - 0.9**t)) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(value["noise"].flatten(1), x, atol=1e-6)


def test_impairing_sees_copies_of_the_noise_and_a_part_of_d_r_and_repairing_that_part(steps):
    task, original = class_task([1]), softmax_regression(16)
    settings = PLAIN_SGD | SHORT | {"batch_size": 100, "retain_per_class": 4}
    method = UNSIR(learning_rate=0.3, repair_learning_rate=0.7, repair_epochs=2, **settings)
    prepared = method.run_prepare(original, task)
    found = method.run(original, task, prepared)
    noise = prepared.value["noise"].flatten(1).numpy()
    kept = [0, 3, 6, 9, 2, 5, 8, 11]  # the first four of class 0 and of class 2
    inputs = blobs(30, dtype=torch.float64).take(torch.tensor(kept)).inputs.flatten(1).numpy()
    x, y = np.concatenate([noise, noise, inputs]), np.array([1] * 12 + [0] * 4 + [2] * 4)
    W, b = numbers(original.classifier)
    for eta, x_t, y_t in ((0.3, x, y), (0.7, x[12:], y[12:]), (0.7, x[12:], y[12:])):
        error = (softmax(x_t, W, b) - np.eye(CLASSES)[y_t]) / len(x_t)
        W, b = W - eta * error.T @ x_t, b - eta * error.sum(0)
    for ours, by_hand in zip(numbers(found.model.classifier), (W, b), strict=True):
        np.testing.assert_allclose(ours, by_hand, atol=1e-10)
    assert [len(batch.labels) for batch, _ in steps] == [20, 8, 8]


def test_the_first_of_each_class_are_at_most_so_many():
    labels = torch.tensor([2, 0, 2, 2, 0, 1])
    assert first_of_each(labels, 2).tolist() == [1, 4, 5, 0, 2]
    assert sorted(first_of_each(labels, 9).tolist()) == [0, 1, 2, 3, 4, 5]


def test_unsir_forgets_classes_of_inputs_that_can_be_noise():
    card = cards.method("unsir")
    assert card.refusal("class", "image", "cnn") is None
    for scenario in ("random", "group", "index"):
        assert "all of a class" in card.refusal(scenario, "image", "cnn")
    with pytest.raises(Refused, match="which tokens cannot be"):
        UNSIR().run(mlp(), task_of(tokens(12), 4))


@pytest.mark.parametrize("name", ["noise_size", "noise_copies", "retain_per_class"])
def test_a_size_of_0_is_refused(name):
    with pytest.raises(InputError, match=f"{name}: 0 is not above 0"):
        UNSIR(**{name: 0})
