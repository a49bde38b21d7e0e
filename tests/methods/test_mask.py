"""Mask: the forgotten class is never the answer, and nothing else changes."""

import pytest
import torch
from torch import nn

from mubench.errors import Refused
from mubench.methods.mask import Mask
from tests.support.toy import blobs, conv, mlp, same, task_of, weights


def class_task(label=1):
    """D_f is all of one class of some blobs."""
    split = blobs(30)
    order = (split.labels != label).int().argsort(stable=True)
    return task_of(split.subset(order), int((split.labels == label).sum()))


def test_the_other_classes_answer_as_if_the_class_had_never_been_there():
    original, task = conv().eval(), class_task()
    found = Mask().run(original, task).model
    x = blobs(50, seed=7).take(torch.arange(50)).inputs
    before, after = original(x).softmax(1), found(x).softmax(1)
    expected = before[:, [0, 2]] / before[:, [0, 2]].sum(1, keepdim=True)
    assert torch.allclose(after[:, [0, 2]], expected, atol=1e-6)
    assert (after[:, 1] == 0).all()


def test_all_below_the_last_layer_stays():
    original = conv()
    found = Mask().run(original, class_task()).model
    assert same(weights(found.body), weights(original.body))


def test_without_a_bias_or_another_class_it_cannot_be_done():
    plain = mlp()
    plain.classifier = nn.Linear(8, 3, bias=False)
    with pytest.raises(Refused, match="no bias"):
        Mask().run(plain, class_task())
    with pytest.raises(Refused, match="all classes"):
        Mask().run(mlp(), task_of(blobs(30), 12))
