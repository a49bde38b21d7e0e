"""Evaluation is one pass in order, without gradients."""

import numpy as np
import pytest
import torch

from mubench.models.training.cost_meter import Meter
from mubench.models.training.evaluate import logits_of
from tests.support.descents import SPLIT
from tests.support.toy import conv, same, text, tokens, weights


@pytest.mark.parametrize(("make", "split"), [(conv, SPLIT), (text, tokens(9))])
@pytest.mark.parametrize("batch_size", [1, 4, 512])
def test_evaluation_is_one_pass_in_order_without_augmentation(make, split, batch_size):
    model = make().train()
    before = weights(model)
    found = logits_of(model, split, batch_size)
    assert model.training
    assert same(before, weights(model))
    with torch.no_grad():
        expected = model.eval()(split.take(torch.arange(len(split))).inputs).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_evaluation_needs_no_gradient_and_sees_each_example_once():
    meter, model = Meter(), conv()
    with meter.watch(model):
        logits_of(model, SPLIT, 4)
    assert (meter.forward_examples, meter.backward_examples) == (21, 0)
