"""MSG: weights drawn anew where gradients are smallest, and steps by hand."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from mubench.errors import InputError
from mubench.methods.msg import MSG, redraw
from tests.support.convolutions import ONE_BATCH, loss_of, net, task_with, whole
from tests.support.toy import same, seeded, weights


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


def test_msgs_gradient_is_a_mean_over_examples_also_beyond_one_batch():
    model, task = net(), task_with(300, 700)
    found = MSG().prepare(model, task)["gradient"]
    order = torch.randperm(400, generator=task.generator("subset"))[:300]
    loss = loss_of(model, task.retain.take(order)) - loss_of(model, whole(task.forget))
    [expected] = torch.autograd.grad(loss, model.body[0].weight)
    torch.testing.assert_close(found, expected.flatten(), atol=1e-12, rtol=0)
