"""Boundary unlearning: the class that exists meanwhile, and the class across the boundary."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn
from toy import CLASSES, Net, blobs, conv, same, seeded, split_of, task_of, weights

from mubench.catalogue import cards
from mubench.data.split import Batch, Pixels
from mubench.errors import Refused
from mubench.methods.boundary_expanding import BoundaryExpanding, expanded
from mubench.methods.boundary_shrink import BoundaryShrink, fgsm, pixels_of

PLAIN = {"momentum": 0.0, "augment": False, "batch_size": 100}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def linear(features, classes=CLASSES, **values):
    return seeded(lambda: nn.Linear(features, classes, **values))


# --- boundary expanding -----------------------------------------------------------------------


def named(layer):
    """A model that holds its classifier under two names."""
    net = Net(nn.Flatten(), 64)
    net.classifier = net.alias = layer
    return net


NESTS = {
    "by name": named,
    "in sequences": lambda layer: nn.Sequential(nn.Flatten(), nn.Sequential(layer)),
    "the model itself": lambda layer: layer,
}


@pytest.mark.parametrize("nest", NESTS.values(), ids=list(NESTS))
@pytest.mark.parametrize("bias", [True, False])
def test_expansion_adds_a_logit_and_leaves_the_others_alone_bit_by_bit(nest, bias):
    """27. One product of four rows rounds the first three differently."""
    layer = linear(64, bias=bias)
    model, inputs = nest(layer), torch.randn(33, 64, generator=generator())
    before, logits = weights(model), model(inputs)
    with expanded(layer, generator()):
        wide = model(inputs)
        assert wide.shape == (33, CLASSES + 1)
        assert torch.equal(wide[:, :CLASSES], logits)
        grown = {name.rpartition("row.")[2] for name in weights(model).keys() - before.keys()}
        assert grown == ({"weight", "bias"} if bias else {"weight"})
    assert same(weights(model), before)
    assert torch.equal(model(inputs), logits)
    assert not layer._forward_hooks
    assert not list(layer.children())


def test_the_fresh_row_is_drawn_as_torch_draws_a_layer():
    layer = linear(4000).double()
    with expanded(layer, generator(1)):
        drawn = layer.row.weight.detach()
        assert drawn.dtype == torch.float64
    with expanded(layer, generator(1)):
        assert torch.equal(layer.row.weight, drawn)
    bound = 4000**-0.5
    assert drawn.abs().max() <= bound
    assert drawn.std().item() == pytest.approx(bound / 3**0.5, rel=0.03)
    assert drawn.mean().item() == pytest.approx(0, abs=0.05 * bound)


def test_the_row_goes_whatever_happens():
    layer = linear(5)
    before = weights(layer)
    with pytest.raises(KeyboardInterrupt), expanded(layer, generator()):
        raise KeyboardInterrupt
    assert same(weights(layer), before)
    assert not layer._forward_hooks


def test_two_steps_of_boundary_expanding_by_hand():
    """Softmax regression on K + 1 classes, all of D_f in the last one; the fresh row learns too."""
    model = Net(nn.Flatten(), 16).double()
    task = task_of(blobs(30, dtype=torch.float64), 10)
    method = BoundaryExpanding(learning_rate=0.5, epochs=2, **PLAIN)
    layer = nn.Linear(16, CLASSES).double()
    with expanded(layer, task.generator("row")):
        w = torch.cat([model.classifier.weight, layer.row.weight]).detach().numpy().copy()
        b = torch.cat([model.classifier.bias, layer.row.bias]).detach().numpy().copy()
    x = task.forget.take(torch.arange(10)).inputs.flatten(1).numpy()
    for _ in range(2):
        residual = (softmax(x @ w.T + b, axis=1) - np.eye(CLASSES + 1)[CLASSES]) / len(x)
        w, b = w - 0.5 * residual.T @ x, b - 0.5 * residual.sum(0)
    found = method.run(model, task)
    np.testing.assert_allclose(found.model.classifier.weight.detach(), w[:CLASSES], atol=1e-12)
    np.testing.assert_allclose(found.model.classifier.bias.detach(), b[:CLASSES], atol=1e-12)


def test_the_model_has_its_own_classes_again_also_where_it_diverged():
    """27: the extra row is never reported."""
    original, task = conv(), task_of(blobs(30), 10, new_model=conv)
    for rate, status in ((0.1, "ok"), (1e30, "diverged")):
        found = BoundaryExpanding(learning_rate=rate, epochs=2, batch_size=4).run(original, task)
        assert found.status == status
        assert found.model(torch.zeros(2, 1, 4, 4)).shape == (2, CLASSES)
        assert weights(found.model).keys() == weights(original).keys()
        assert type(found.model.classifier) is nn.Linear
        assert all(bool(value.isfinite().all()) for value in weights(found.model).values())
        assert same(weights(found.model), weights(original)) is (status == "diverged")


def test_a_model_without_a_classifier_is_refused():
    model = nn.Sequential(nn.Conv2d(1, 3, 4), nn.Flatten())
    with pytest.raises(Refused, match="no linear layer of 3 outputs"):
        BoundaryExpanding().run(model, task_of(blobs(12), 4))


# --- boundary shrink --------------------------------------------------------------------------


@dataclass(frozen=True)
class Normalised:
    """A transform from pixels in [0, 1]."""

    pixels: Pixels

    def __call__(self, inputs, generator):
        return (inputs - self.pixels.mean) / self.pixels.std


CHANNELS = Pixels(
    torch.tensor([0.3, 0.6]).double().view(2, 1, 1),
    torch.tensor([0.2, 0.05]).double().view(2, 1, 1),
    255,
)


def images(n, low=0, high=256):
    """n images (2, 3, 3) of pixels that are multiples of 1 / 255, and labels of two classes."""
    pixels = torch.randint(low, high, (n, 2, 3, 3), generator=generator()).double() / 255
    return pixels, torch.arange(n) % 2


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


def test_inputs_between_0_and_1_are_pixels_and_others_need_their_normalisation():
    def bare(inputs, generator):
        return inputs

    pixels, labels = images(20)
    mean, std, levels = pixels_of(split_of(pixels, labels, bare))
    assert (mean.item(), std.item(), levels) == (0, 1, 255)
    assert pixels_of(split_of(pixels, labels, Normalised(CHANNELS))) is CHANNELS
    for place, value in ((7, -0.01), (19, 1.01)):
        beyond = pixels.clone()
        beyond[place, 1, 2, 0] = value
        with pytest.raises(Refused, match="how these inputs were normalised is not known"):
            pixels_of(split_of(beyond, labels, bare))
    with pytest.raises(Refused, match="which these inputs do not have"):
        pixels_of(split_of({"input_ids": torch.zeros(20, 5)}, labels, bare))


@pytest.mark.parametrize("name", ["boundary_expanding", "boundary_shrink"])
def test_boundary_unlearning_forgets_classes_only(name):
    card = cards.method(name)
    assert card.refusal("class", "image", "cnn") is None
    assert "all of a class" in card.refusal("random", "image", "cnn")
    assert "all of a class" in card.refusal("group", "image", "cnn")
    assert (card.refusal("class", "text", "transformer") is None) is (name == "boundary_expanding")
