"""CT: transposed kernels."""

import copy

import pytest
import torch
from torch import nn

from mubench.catalogue import cards
from mubench.errors import Refused
from mubench.methods.ct import CT, transpose
from mubench.methods.msg import MSG
from mubench.models.build import build_model
from tests.support.convolutions import ONE_BATCH, loss_of, net, task_with, whole
from tests.support.toy import blobs, mlp, same, task_of, weights


def kernels(model):
    return [m for m in model.modules() if isinstance(m, nn.Conv2d)]


def test_transposing_twice_is_the_identity():
    """34."""
    model = build_model(cards.model("resnet_small").card, 10, (3, 16, 16), 0)
    before = weights(model)
    transpose(kernels(model))
    after = weights(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {
        name for name, value in before.items() if value.ndim == 4 and value.shape[-1] > 1
    }
    for name in changed:
        for i in range(3):
            for j in range(3):
                assert torch.equal(after[name][:, :, i, j], before[name][:, :, j, i])
    transpose(kernels(model))
    assert same(weights(model), before)


def test_two_steps_of_ct_by_hand():
    """From the transposed kernels, down a cosine: the second of two steps is half as long."""
    model, task = net(), task_with(10, 30)
    found = CT(learning_rate=0.5, epochs=2, bn_mode="eval_frozen", **ONE_BATCH).run(model, task)
    expected = copy.deepcopy(model)
    kernel = expected.body[0]
    kernel.weight.data = torch.einsum("oihw->oiwh", kernel.weight.data).contiguous()
    for rate in (0.5, 0.25):
        gradients = torch.autograd.grad(
            loss_of(expected, whole(task.retain)), [*expected.parameters()]
        )
        with torch.no_grad():
            for parameter, gradient in zip(expected.parameters(), gradients, strict=True):
                parameter -= rate * gradient
    for name, value in weights(expected).items():
        torch.testing.assert_close(found.model.state_dict()[name], value, atol=1e-12, rtol=0)


def test_a_kernel_that_is_not_square_is_refused_before_anything_changes():
    layers = [nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, (1, 3))]
    before = [weights(layer) for layer in layers]
    with pytest.raises(Refused, match="this model has one of 1x3"):
        transpose(layers)
    assert all(same(weights(layer), old) for layer, old in zip(layers, before, strict=True))


@pytest.mark.parametrize("method", [MSG(), CT()], ids=["msg", "ct"])
def test_a_model_without_convolutions_is_refused(method):
    with pytest.raises(Refused, match="Net has no convolutions"):
        method.run(mlp(), task_of(blobs(30), 10))


@pytest.mark.parametrize("name", ["msg", "ct"])
def test_text_and_transformers_are_refused_before_anything_runs(name):
    card = cards.method(name)
    assert card.refusal("random", "image", "cnn") is None
    assert "convolutions" in card.refusal("random", "text", "transformer")
    assert "convolutions" in card.refusal("random", "image", "transformer")
