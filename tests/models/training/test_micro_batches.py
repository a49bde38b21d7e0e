"""Batches in pieces: the gradients of the whole, and the activations of a piece."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mubench.errors import InputError
from mubench.models.training.fit import fit
from mubench.models.training.micro_batches import in_pieces, pieces
from tests.support.descents import SPLIT, recipe
from tests.support.toy import conv, distance, mlp, text, tokens, weights


def whole(split=SPLIT):
    return split.take(torch.arange(len(split)))


@pytest.mark.parametrize(("size", "expected"), [(5, [5, 4, 4, 4, 4]), (21, [21]), (100, [21])])
def test_pieces_are_few_and_even_and_in_order(size, expected):
    found = list(pieces(whole(), size))
    assert [len(piece.labels) for piece in found] == expected
    assert torch.cat([piece.ids for piece in found]).tolist() == list(range(21))
    assert torch.equal(torch.cat([piece.inputs for piece in found]), whole().inputs)


@pytest.mark.parametrize(("build", "split"), [(mlp, SPLIT), (text, tokens(21))])
def test_value_and_gradients_are_those_of_the_whole_batch(build, split):
    model = build().double()
    batch = whole(split)
    if isinstance(batch.inputs, torch.Tensor):
        batch = batch._replace(inputs=batch.inputs.double())

    def loss(part):
        return F.cross_entropy(model(part.inputs), part.labels)

    def gradients(value):
        return torch.cat([g.flatten() for g in torch.autograd.grad(value, [*model.parameters()])])

    one, other = loss(batch), in_pieces(loss, 5)(batch)
    assert other.item() == pytest.approx(one.item(), rel=1e-12)
    assert torch.allclose(gradients(other), gradients(one), rtol=1e-10, atol=1e-14)


def kept_numbers(loss, batch):
    """How many numbers wait for the backward pass."""
    kept = 0

    def pack(tensor):
        nonlocal kept
        kept += tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss(batch)
    return kept


def test_no_activation_waits_for_the_backward_pass():
    body = [layer for _ in range(20) for layer in (nn.Linear(16, 16), nn.Tanh())]
    model = nn.Sequential(nn.Flatten(), *body)

    def loss(part):
        return F.cross_entropy(model(part.inputs), part.labels)

    assert kept_numbers(in_pieces(loss, 7), whole()) < kept_numbers(loss, whole()) / 10


def test_a_recipe_trains_in_pieces_to_the_same_weights():
    model, expected, seen = mlp(), mlp(), []
    model.register_forward_hook(lambda _, inputs, logits: seen.append(len(logits)))
    fit(model, SPLIT, recipe(micro_batch=3), seed=0)
    fit(expected, SPLIT, recipe(), seed=0)
    assert max(seen) == 3
    assert distance(weights(model), weights(expected)) < 1e-5


def test_models_whose_examples_see_each_other_are_refused():
    with pytest.raises(InputError, match=r"^training\.micro_batch: this model has BatchNorm"):
        fit(conv(), SPLIT, recipe(micro_batch=3), seed=0)
