"""UAM against its step written by hand in flat vectors, and its limits."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mubench.errors import InputError
from mubench.methods.uam import UAM
from mubench.models.training.loader import Loader
from tests.support.partial_training import PLAIN_SGD
from tests.support.toy import blobs, conv, distance, mlp, task_of, weights

SETTINGS = PLAIN_SGD | {"epochs": 2, "batch_size": 8, "learning_rate": 0.1}


def gradient(at, loss_of, net):
    """Gradient of `loss_of(net)` at the flat weights `at`; `net` sees the batch."""
    nn.utils.vector_to_parameters(at.clone(), net.parameters())
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss_of(net), [*net.parameters()])])


def by_hand(model, task, radius):
    """theta' = theta - 0.1 g_r(theta + radius g_f / |g_f|), for every batch of two passes."""
    model = copy.deepcopy(model).train()
    forget = Loader(task.forget, 8, seed=0, name="forget")
    retain = Loader(task.retain, 8, seed=0, name="retain")
    theta = nn.utils.parameters_to_vector(model.parameters()).detach()
    for r in (batch for _ in range(2) for batch in list(retain.epoch())):
        (f,) = forget.cycle([len(r.labels)])

        def on_forget(net, f=f, r=r):
            logits = net(torch.cat([f.inputs, r.inputs]))[: len(f.labels)]
            return F.cross_entropy(logits, f.labels)

        g = gradient(theta, on_forget, model)
        worst = theta + radius * g / g.square().sum().sqrt()
        theta = theta - 0.1 * gradient(
            worst, lambda net, r=r: F.cross_entropy(net(r.inputs), r.labels), model
        )
    nn.utils.vector_to_parameters(theta, model.parameters())
    return model


@pytest.mark.parametrize("make", [mlp, conv])
@pytest.mark.parametrize("radius", [0.0, 0.3, 2.0])
def test_its_steps_are_those_written_by_hand(make, radius):
    original, task = make().double(), task_of(blobs(40, dtype=torch.float64), 16)
    found = UAM(radius=radius, **SETTINGS).run(original, task)
    assert found.status == "ok"
    assert distance(weights(found.model), weights(by_hand(original, task, radius))) < 1e-10


def test_sam_may_make_the_step():
    """A second look, at the worst point of D_r near the worst point of D_f."""
    original, task = mlp().double(), task_of(blobs(40, dtype=torch.float64), 16)
    found = UAM(**SETTINGS | {"optimizer": "sam"}).run(original, task)
    plain = UAM(**SETTINGS).run(original, task)
    assert found.cost.forward_examples == 2 * plain.cost.forward_examples == 2 * 3 * 2 * 24
    assert 0 < distance(weights(found.model), weights(plain.model)) < 0.1


def test_a_negative_radius_is_refused():
    with pytest.raises(InputError, match=r"^radius: -0.1 is below 0$"):
        UAM(radius=-0.1)
