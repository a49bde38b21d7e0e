"""Sham: a step of the asked length in a random direction."""

import numpy as np
import pytest
import torch

from mubench.errors import InputError
from mubench.methods.sham import Sham
from tests.support.toy import blobs, conv, same, task_of, weights


def vector(model):
    return np.concatenate([p.detach().double().numpy().ravel() for p in model.parameters()])


@pytest.mark.parametrize("size", [0.01, 0.5])
def test_the_step_has_the_length_that_is_asked_for(size):
    original = conv()
    found = Sham(size=size).run(original, task_of(blobs(20), 5)).model
    step = np.linalg.norm(vector(found) - vector(original))
    assert step == pytest.approx(size * np.linalg.norm(vector(original)), rel=1e-4)


def test_the_direction_is_drawn_over_all_weights_alike():
    original = conv(blocks=3)
    task = task_of(blobs(20), 5)
    steps = (vector(Sham(size=1.0).run(original, task).model) - vector(original)) / np.linalg.norm(
        vector(original)
    )
    expected = 1 / np.sqrt(len(steps))
    assert steps.std() == pytest.approx(expected, rel=0.01)
    assert abs(steps.mean()) < 4 * expected / np.sqrt(len(steps))


def test_another_request_gets_another_direction_and_the_data_play_no_part():
    original = conv()
    one = Sham().run(original, task_of(blobs(20), 5)).model
    assert same(weights(one), weights(Sham().run(original, task_of(blobs(30, seed=4), 9)).model))
    other = Sham().run(original, task_of(blobs(20), 5, seed=1)).model
    assert not torch.equal(one.classifier.weight, other.classifier.weight)


def test_frozen_weights_and_buffers_stay():
    original = conv()
    original.classifier.requires_grad_(False)
    found = Sham().run(original, task_of(blobs(20), 5)).model
    assert torch.equal(found.classifier.weight, original.classifier.weight)
    assert torch.equal(found.body[1].running_var, original.body[1].running_var)
    assert not torch.equal(found.body[0].weight, original.body[0].weight)


def test_a_negative_size_is_refused():
    with pytest.raises(InputError, match=r"size: -0\.1 is below 0"):
        Sham(size=-0.1)
