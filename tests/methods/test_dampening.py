"""Dampening by hand-made importances."""

import pytest
import torch
from torch import nn

from mubench.methods.ssd import SSD
from tests.support.toy import blobs, task_of


def dampened(i_f, i_d, **settings):
    """What is left of three weights of 2."""
    model = nn.Linear(3, 1, bias=False)
    nn.init.constant_(model.weight, 2.0)
    prepared = {"forget": torch.tensor(i_f), "all": torch.tensor(i_d)}
    SSD(**settings).unlearn(model, task_of(blobs(30), 10), prepared)
    return model.weight[0].tolist()


def test_weights_that_matter_more_to_the_forget_set_shrink_by_the_ratio():
    found = dampened([20.0, 10.0, 11.0], [1.0, 1.0, 1.0], selection=10.0, dampening=1.0)
    assert found == pytest.approx([2 * 0.05, 2.0, 2 / 11])


def test_a_weight_on_the_threshold_is_left_alone():
    assert dampened([10.0] * 3, [1.0] * 3, selection=10.0, dampening=1.0) == [2.0] * 3


def test_no_weight_ever_grows():
    found = dampened([20.0, 40.0, 60.0], [1.0] * 3, selection=10.0, dampening=30.0)
    assert found == pytest.approx([2.0, 2 * 30 / 40, 2 * 30 / 60])


def test_importances_of_zero_leave_no_nan():
    found = dampened([0.0, 0.0, 5.0], [0.0, 1.0, 0.0], selection=10.0, dampening=1.0)
    assert found == [2.0, 2.0, 0.0]
