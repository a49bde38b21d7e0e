"""SAM against its two passes written by hand in plain torch."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mubench.models.training.cost_meter import Meter, measure
from mubench.models.training.descent import Descent, Hooks, descend
from mubench.models.training.loader import Loader
from mubench.models.training.sam import moved_up
from tests.support.descents import CPU
from tests.support.toy import blobs, conv, distance, mlp, same, weights

SPLIT = blobs(21, dtype=torch.float64)


def sam(model, loss=None, hooks=None, **changes):
    """Two epochs of three steps."""
    loader = Loader(SPLIT, 8, seed=0, name="train")
    settings = Descent(**{"learning_rate": 0.1, "epochs": 2, "optimizer": "sam", **changes})

    def usual(batch):
        return F.cross_entropy(model(batch.inputs), batch.labels)

    descend(
        model, settings, lambda _: loader.epoch(), loss or usual, steps_per_epoch=3, hooks=hooks
    )
    return model


def by_hand(model, *, momentum, decay, clip):
    """The same in flat vectors: w' = w - lr v, v = momentum v + g(w + 0.05 g / |g|) + decay w."""
    loader = Loader(SPLIT, 8, seed=0, name="train")
    w = nn.utils.parameters_to_vector(model.parameters()).detach()
    velocity = torch.zeros_like(w)

    def gradient(at, batch, net):
        nn.utils.vector_to_parameters(at.clone(), net.parameters())
        loss = F.cross_entropy(net(batch.inputs), batch.labels)
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, [*net.parameters()])])

    model.train()
    for batch in (batch for _ in range(2) for batch in list(loader.epoch())):
        g = gradient(w, batch, model)
        worst = w + 0.05 * g / g.square().sum().sqrt()
        g = gradient(worst, batch, copy.deepcopy(model))  # whose running statistics are lost
        if clip:
            g = g * min(1.0, clip / (g.square().sum().sqrt().item() + 1e-6))
        velocity = momentum * velocity + g + decay * w
        w = w - 0.1 * velocity
    nn.utils.vector_to_parameters(w, model.parameters())
    return model


@pytest.mark.parametrize("make", [mlp, conv])
@pytest.mark.parametrize(
    ("momentum", "decay", "clip"), [(0.0, 0.0, 0.0), (0.9, 0.01, 0.0), (0.9, 0.0, 0.05)]
)
def test_a_step_of_sam_is_the_one_that_one_writes_by_hand(make, momentum, decay, clip):
    found = sam(make().double(), momentum=momentum, weight_decay=decay, clip_norm=clip)
    expected = by_hand(make().double(), momentum=momentum, decay=decay, clip=clip)
    assert distance(weights(found), weights(expected)) < 1e-10
    plain = sam(make().double(), momentum=momentum, weight_decay=decay, optimizer="sgd")
    assert distance(weights(found), weights(plain)) > 1e-4


def test_batch_norm_counts_every_batch_once():
    found = weights(sam(conv().double()))
    assert found["body.1.num_batches_tracked"] == 6 + weights(conv())["body.1.num_batches_tracked"]


def test_both_passes_are_counted():
    model, meter = mlp().double(), Meter()
    with meter.watch(model), measure(CPU, meter) as clock:
        sam(model)
    assert (clock.cost.forward_examples, clock.cost.backward_examples) == (84, 84)


def test_a_hook_sees_the_gradients_of_the_step_at_the_weights_of_the_step():
    model, seen = mlp().double(), []
    before = weights(model)

    def look(_):
        seen.append(same(weights(model), before))
        for p in model.parameters():
            p.grad.zero_()

    sam(model, hooks=Hooks(before_step=look), weight_decay=0.0)
    assert seen == [True] * 6
    assert same(weights(model), before)


def test_without_a_gradient_the_weights_stay_finite():
    model = mlp().double()
    sam(model, loss=lambda batch: 0 * model(batch.inputs).sum(), weight_decay=0.0)
    assert same(weights(model), weights(mlp().double()))


def test_weights_come_back_to_the_last_bit_though_what_runs_there_fails():
    model = mlp()
    model(blobs(4).take(torch.arange(4)).inputs).sum().backward()

    def look():
        with moved_up(model, 0.3):
            start, moved = weights(mlp()), weights(model)
            squares = [(moved[name] - start[name]).square().sum() for name in start]
            assert sum(squares).sqrt() == pytest.approx(0.3, rel=1e-4)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look()
    assert same(weights(model), weights(mlp()))


def test_frozen_weights_stay():
    model = mlp().double()
    model.classifier.requires_grad_(False)
    sam(model)
    before, after = weights(mlp().double()), weights(model)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"body.1.weight", "body.1.bias"}
