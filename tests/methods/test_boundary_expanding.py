"""Boundary Expanding: the class that exists meanwhile."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from mubench.errors import Refused
from mubench.methods.boundary_expanding import BoundaryExpanding, expanded
from tests.support.boundaries import PLAIN, generator
from tests.support.toy import CLASSES, Net, blobs, conv, same, seeded, task_of, weights


def linear(features, classes=CLASSES, **values):
    return seeded(lambda: nn.Linear(features, classes, **values))


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
