"""Boundary Shrink: the nearest class across the boundary."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from mubench.catalogue import cards
from mubench.data.split import Batch
from mubench.methods.boundary_shrink import BoundaryShrink, fgsm
from tests.support.boundaries import CHANNELS, PLAIN, Normalised, generator, images
from tests.support.toy import Net, split_of, task_of

STD, MEAN = (v.expand(2, 3, 3).flatten().numpy() for v in (CHANNELS.std, CHANNELS.mean))


def classifier():
    """A linear model of two classes behind the normalisation, and its weights on pixels (18,).

    The logit of class 1 less that of class 0 is w . (pixels - mean).
    """
    model = Net(nn.Flatten(), 18, 2).double()
    with torch.no_grad():
        model.classifier.weight.copy_(torch.randn(2, 18, generator=generator()) / 20)
        model.classifier.bias.zero_()
        by_input = model.classifier.weight[1] - model.classifier.weight[0]
    return model, by_input.numpy() / STD


def attack(model, pixels, labels, epsilon):
    """The pixels of x'."""
    inputs = (pixels - CHANNELS.mean) / CHANNELS.std
    moved = fgsm(model, Batch(inputs, labels, labels), CHANNELS, epsilon)
    return moved * CHANNELS.std + CHANNELS.mean


@pytest.mark.parametrize("epsilon", [0.0, 0.03, 0.1, 0.3])
def test_the_attack_stays_an_image_and_within_epsilon_of_it(epsilon):
    """27: in the space of pixels, whatever the normalisation of each channel."""
    pixels, labels = images(40)
    moved = attack(classifier()[0], pixels, labels, epsilon)
    assert (moved - pixels).abs().max() <= epsilon + 1 / 510 + 1e-12
    assert moved.min() >= -1e-12
    assert moved.max() <= 1 + 1e-12
    torch.testing.assert_close(moved * 255, (moved * 255).round(), atol=1e-9, rtol=0)
    if epsilon:
        inner = (pixels > epsilon) & (pixels < 1 - epsilon)
        assert ((moved - pixels).abs()[inner] >= epsilon - 1 / 510 - 1e-12).all()


def test_the_attack_crosses_a_linear_boundary_exactly_where_it_is_near_enough():
    """27: flips the label iff the margin is below epsilon times the L1 norm of the weights."""
    epsilon = 5 / 255  # whole levels, so that rounding changes nothing
    pixels, _ = images(400, 60, 196)  # and no pixel is clipped
    model, w = classifier()
    score = (pixels.flatten(1).numpy() - MEAN) @ w
    offset = np.median(score)
    with torch.no_grad():
        model.classifier.bias[1] = -offset
    score -= offset
    labels = torch.from_numpy((score > 0).astype(np.int64))
    moved = attack(model, pixels, labels, epsilon)
    flipped = ((moved.flatten(1).numpy() - MEAN) @ w > offset) != labels.numpy()
    expected = np.abs(score) < epsilon * np.abs(w).sum()
    assert 0.05 < expected.mean() < 0.95
    assert (flipped == expected).all()


def shrink_task(n=30, n_forget=20):
    pixels, labels = images(n)
    return task_of(split_of(pixels, labels, Normalised(CHANNELS)), n_forget)


def test_two_steps_of_boundary_shrink_by_hand():
    """Targets are those of the original in both steps, though the model has long left it."""
    model, w_pixels = classifier()
    task = shrink_task()
    x = task.forget.take(torch.arange(20)).inputs.flatten(1).numpy()
    labels = task.forget.labels.numpy()
    w = model.classifier.weight.detach().numpy().copy()
    b = model.classifier.bias.detach().numpy().copy()
    # up the loss of class y of two is down the score of y
    direction = np.where(labels[:, None] == 1, -1, 1) * np.sign(w_pixels)
    moved = np.clip(x * STD + MEAN + 0.1 * direction, 0, 1)
    moved = (np.round(moved * 255) / 255 - MEAN) / STD
    targets = (moved @ w.T + b).argmax(1)
    assert 0 < np.mean(targets != labels) < 1
    start = w.copy()
    for _ in range(2):
        residual = (softmax(x @ w.T + b, axis=1) - np.eye(2)[targets]) / len(x)
        w, b = w - 2.0 * residual.T @ x, b - 2.0 * residual.sum(0)
    assert ((moved @ w.T + b).argmax(1) != (moved @ start.T).argmax(1)).any()
    found = BoundaryShrink(learning_rate=2.0, epochs=2, **PLAIN).run(model, task)
    np.testing.assert_allclose(found.model.classifier.weight.detach(), w, atol=1e-12)
    np.testing.assert_allclose(found.model.classifier.bias.detach(), b, atol=1e-12)
    assert found.notes["attack_success"] == pytest.approx(np.mean(targets != labels), abs=1e-12)


def test_without_an_attack_the_original_labels_itself():
    """epsilon = 0 leaves pixels on their levels: a label that it gets wrong counts as crossed."""
    model, task = classifier()[0], shrink_task()
    batch = task.forget.take(torch.arange(20))
    wrong = (model(batch.inputs).argmax(1) != batch.labels).double().mean().item()
    found = BoundaryShrink(epsilon=0.0, epochs=1, batch_size=6, augment=False).run(model, task)
    assert found.notes["attack_success"] == pytest.approx(wrong, abs=1e-12)
    assert "attack_success" not in BoundaryShrink(epochs=0).run(model, shrink_task()).notes


@pytest.mark.parametrize("name", ["boundary_expanding", "boundary_shrink"])
def test_boundary_unlearning_forgets_classes_only(name):
    card = cards.method(name)
    assert card.refusal("class", "image", "cnn") is None
    assert "all of a class" in card.refusal("random", "image", "cnn")
    assert "all of a class" in card.refusal("group", "image", "cnn")
    assert (card.refusal("class", "text", "transformer") is None) is (name == "boundary_expanding")
