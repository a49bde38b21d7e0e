"""Distances, barriers and int8 weights, on models whose answer is known."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from mubench.evidence.weight_space import barrier, compare, rounded
from mubench.sweep.evidence import WeightSpec
from tests.support.examined import subject
from tests.support.toy import Net, accuracy, blobs, conv, mlp, same, train, weights

ASKED = WeightSpec(examples=1000, points=3)


def vector(model):
    return np.concatenate([p.detach().double().numpy().ravel() for p in model.parameters()])


def test_distances_are_norms_of_differences():
    one = subject()
    found = compare(one, ASKED)
    own, original, retrained = map(vector, (one.model, one.original, one.retrained))
    scale = np.linalg.norm(original)
    assert found["l2_original"] == pytest.approx(np.linalg.norm(own - original) / scale)
    assert found["l2_retrain"] == pytest.approx(np.linalg.norm(own - retrained) / scale)


def test_frozen_weights_do_not_count():
    model, original = mlp(), mlp(1)
    for one in (model, original):
        one.classifier.requires_grad_(False)
    left = [vector(one.body) for one in (model, original)]
    found = compare(subject(model, original=original), ASKED)["l2_original"]
    assert found == pytest.approx(np.linalg.norm(left[0] - left[1]) / np.linalg.norm(left[1]))


def linear(scale):
    """A model of two classes by the sign of one input, or by its opposite."""
    net = Net(nn.Flatten(), 16, 2)
    with torch.no_grad():
        net.classifier.weight.zero_()
        net.classifier.bias.zero_()
        net.classifier.weight[0, 0], net.classifier.weight[1, 0] = -scale, scale
    return net


def test_there_is_no_barrier_between_a_model_and_itself_or_its_multiple():
    split = blobs(60)
    assert barrier(mlp(), mlp(), split, 5) == pytest.approx(0, abs=1e-12)
    assert barrier(linear(1.0), linear(4.0), split, 5) == pytest.approx(0, abs=1e-12)


def test_hidden_units_in_another_order_are_behind_a_barrier():
    """The same function at both ends; half-way each unit is the mean of two."""
    split, model = blobs(300), mlp()
    train(model, split, epochs=40)
    other = copy.deepcopy(model)
    order = torch.arange(8).flip(0)
    with torch.no_grad():
        other.body[1].weight.copy_(model.body[1].weight[order])
        other.body[1].bias.copy_(model.body[1].bias[order])
        other.classifier.weight.copy_(model.classifier.weight[:, order])
    between = copy.deepcopy(model)
    with torch.no_grad():
        for mean, a, b in zip(
            between.parameters(), model.parameters(), other.parameters(), strict=True
        ):
            mean.copy_((a + b) / 2)
    fall = accuracy(model, split) - accuracy(between, split)
    assert fall > 0.05
    assert barrier(model, other, split, 1) == pytest.approx(fall)


def test_batch_norm_between_two_models_has_the_statistics_of_the_data():
    """Both ends are one function at different scales, which averaged statistics do not fit."""
    split, model = blobs(300), conv(blocks=2)
    train(model, split, epochs=20)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.body[0].weight.mul_(100)
        other.body[0].bias.mul_(100)
        other.body[1].running_mean.mul_(100)
        other.body[1].running_var.mul_(10_000)
    assert barrier(model, other, split, 3) < 0.02


def test_int8_weights_are_multiples_of_a_127th_of_the_largest_of_their_row():
    model = conv(blocks=2)
    found = rounded(model)
    for (name, before), after in zip(model.named_parameters(), found.parameters(), strict=True):
        old, new = before.detach().numpy(), after.detach().numpy()
        if old.ndim < 2:
            assert np.array_equal(old, new), name
            continue
        old, new = old.reshape(len(old), -1), new.reshape(len(new), -1)
        step = np.abs(old).max(1, keepdims=True) / 127
        assert np.abs(new / step - np.round(old / step)).max() < 1e-3, name
        assert np.abs(new - old).max() <= step.max() / 2 * 1.001


def test_a_row_of_zeros_stays():
    model = mlp()
    with torch.no_grad():
        model.classifier.weight[1] = 0
    assert (rounded(model).classifier.weight[1] == 0).all()


def test_ua_of_int8_weights_is_that_of_the_rounded_model():
    one = subject()
    assert compare(one, ASKED)["ua_int8"] == 1 - accuracy(rounded(one.model), one.forget)


def test_weights_of_another_shape_are_not_compared():
    wider = Net(nn.Sequential(nn.Flatten(), nn.Linear(16, 9), nn.Tanh()), 9)
    found = compare(subject(wider), ASKED)
    assert set(found) == {"ua_int8"}


def test_nothing_that_it_is_given_changes():
    one = subject(conv(), original=conv(1), retrained=conv(2))
    models = (one.model, *one.references.values())
    before = [copy.deepcopy(weights(model)) for model in models]
    compare(one, ASKED)
    assert all(same(weights(m), old) for m, old in zip(models, before, strict=True))
