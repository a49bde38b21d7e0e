"""Methods that touch convolutions: transposed kernels, and weights drawn anew."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from toy import blobs, conv, mlp, same, seeded, task_of, weights

from mubench.catalogue import cards
from mubench.errors import InputError, Refused
from mubench.methods.ct import CT, transpose
from mubench.methods.msg import MSG, redraw
from mubench.models.build import build

ONE_BATCH = {"momentum": 0.0, "weight_decay": 0.0, "augment": False, "batch_size": 100}


def net():
    return conv().double().eval()


def task_with(n_forget, n):
    return task_of(blobs(n, dtype=torch.float64), n_forget, new_model=net)


def whole(split):
    return split.take(torch.arange(len(split)))


def loss_of(model, batch):
    return cross_entropy(model(batch.inputs), batch.labels)


# --- CT ---------------------------------------------------------------------------------------


def kernels(model):
    return [m for m in model.modules() if isinstance(m, nn.Conv2d)]


def test_transposing_twice_is_the_identity():
    """34."""
    model = build(cards.model("resnet_small").card, 10, (3, 16, 16), 0)
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


# --- MSG --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.3, 0.5, 1.0])
def test_msg_redraws_the_weights_of_smallest_gradient_of_each_convolution(rate):
    """34: exactly round(rate * numel) of each, whatever another's gradients are."""
    layers = seeded(lambda: [nn.Conv2d(2, 5, 3), nn.Conv2d(5, 3, 3), nn.Conv2d(3, 1, 1)])
    before = [layer.weight.detach().clone() for layer in layers]
    generator = torch.Generator().manual_seed(0)
    parts = [
        10.0**i * torch.randn(layer.weight.shape, generator=generator)
        for i, layer in enumerate(layers)
    ]
    gradient = torch.cat([part.flatten() for part in parts])
    masks = redraw([layer.weight for layer in layers], gradient, rate, generator)
    for layer, old, part, mask in zip(layers, before, parts, masks, strict=True):
        assert mask.sum() == round(rate * old.numel())
        assert torch.equal(layer.weight != old, mask)
        assert layer.weight.requires_grad
        smallest = part.abs().flatten().sort().values[: mask.sum()]
        assert torch.equal(part.abs()[mask].sort().values, smallest)


def test_equal_gradients_are_redrawn_in_their_order():
    weight = torch.zeros(2, 1, 2, 2)
    [mask] = redraw([weight], torch.zeros(8), 0.5, torch.Generator().manual_seed(0))
    assert mask.flatten().tolist() == [True] * 4 + [False] * 4


def test_new_weights_are_he_normal_by_fan_out():
    weight = torch.zeros(64, 32, 3, 3, dtype=torch.float64)
    redraw([weight], torch.zeros(weight.numel()), 1.0, torch.Generator().manual_seed(0))
    assert weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.02)
    assert weight.mean().item() == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize(("n_forget", "n"), [(10, 20), (12, 20)], ids=["as many", "fewer"])
def test_the_gradient_is_that_of_retain_minus_forget(n_forget, n):
    """Where D_r has no more examples than D_f, all of it counts."""
    model, task = net(), task_with(n_forget, n)
    loss = loss_of(model, whole(task.retain)) - loss_of(model, whole(task.forget))
    expected = torch.autograd.grad(loss, model.body[0].weight)[0].flatten()
    found = MSG().prepare(model, task)
    assert found.keys() == {"gradient"}
    torch.testing.assert_close(found["gradient"], expected, atol=1e-12, rtol=0)


def test_the_gradient_looks_at_as_many_retain_as_forget_examples():
    model, task = net(), task_with(4, 30)
    cost = MSG().run_prepare(model, task).cost
    assert (cost.forward_examples, cost.backward_examples) == (8, 8)
    gradients = [MSG().prepare(model, replace(task, seed=seed))["gradient"] for seed in (0, 0, 1)]
    assert torch.equal(gradients[0], gradients[1])
    assert not torch.equal(gradients[0], gradients[2])


def test_two_steps_of_msg_by_hand():
    """Kept weights go a tenth of the way, everything else all of it; then half as far."""
    model, task = net(), task_with(10, 30)
    method = MSG(learning_rate=0.5, epochs=2, bn_mode="eval_frozen", **ONE_BATCH)
    expected = copy.deepcopy(model)
    kernel = expected.body[0].weight
    gradient = method.prepare(copy.deepcopy(model), task)["gradient"]
    [mask] = redraw([kernel], gradient, 0.3, task.generator("weights"))
    assert 0 < mask.sum() < mask.numel()
    for rate in (0.5, 0.25):
        loss = loss_of(expected, whole(task.retain))
        steps = torch.autograd.grad(loss, [*expected.parameters()])
        with torch.no_grad():
            for parameter, step in zip(expected.parameters(), steps, strict=True):
                scale = 0.1 + 0.9 * mask.double() if parameter is kernel else 1.0
                parameter -= rate * scale * step
    found = method.run(model, task).model
    for name, value in weights(expected).items():
        torch.testing.assert_close(found.state_dict()[name], value, atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("epochs", "rates"),
    [(1, [1]), (2, [1, 1 / 2]), (3, [1 / 2, 1, 1 / 2]), (5, [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3])],
)
def test_the_learning_rate_rises_and_falls_epoch_by_epoch(epochs, rates):
    schedule = MSG(epochs=epochs)._schedule
    for steps in (1, 7, 49):
        found = [schedule(step / (epochs * steps)) for step in range(epochs * steps)]
        assert found == pytest.approx([rate for rate in rates for _ in range(steps)], abs=1e-12)


def test_an_epoch_begins_where_it_does_though_its_share_is_rounded():
    assert 1 / 49 * 49 < 1
    assert MSG(epochs=49)._schedule(1 / 49) == pytest.approx(2 / 25)


def test_without_redrawing_and_epochs_msg_changes_nothing():
    model = net()
    assert same(
        weights(MSG(rate=0.0, epochs=0).run(model, task_with(10, 30)).model), weights(model)
    )


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_share_lies_between_0_and_1(rate):
    with pytest.raises(InputError, match=r"rate: -?\d\.1 is not in \[0, 1\]"):
        MSG(rate=rate)


# --- both -------------------------------------------------------------------------------------


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


def test_msgs_gradient_is_a_mean_over_examples_also_beyond_one_batch():
    model, task = net(), task_with(300, 700)
    found = MSG().prepare(model, task)["gradient"]
    order = torch.randperm(400, generator=task.generator("subset"))[:300]
    loss = loss_of(model, task.retain.take(order)) - loss_of(model, whole(task.forget))
    [expected] = torch.autograd.grad(loss, model.body[0].weight)
    torch.testing.assert_close(found, expected.flatten(), atol=1e-12, rtol=0)
