"""Features of layers, against modules called by hand."""

import numpy as np
import torch

from mubench.evidence.layers import DEPTHS, features_of
from tests.support.toy import CLASSES, blobs, conv, mlp, text, tokens


def test_maps_are_averaged_over_quarters():
    model, split = conv(blocks=3).eval(), blobs(10)
    x = split.take(torch.arange(10)).inputs
    found = features_of(model, split, CLASSES)
    with torch.no_grad():
        first = model.body[1](model.body[0](x))
    quarters = first.view(10, 4, 2, 2, 2, 2).mean((3, 5)).flatten(1)
    assert set(found) == set(DEPTHS)
    assert np.allclose(found["first"], quarters.numpy(), atol=1e-6)


def test_depths_of_a_model_with_one_block_are_that_block():
    found = features_of(mlp(), blobs(10), CLASSES)
    assert all(np.array_equal(found[depth], found["last"]) for depth in DEPTHS)


def test_sequences_are_averaged():
    model, split = text().eval(), tokens(6)
    found = features_of(model, split, CLASSES)["first"]
    embedded = model.body(split.take(torch.arange(6)).inputs["input_ids"]).detach()
    assert np.allclose(found, embedded.mean(1).numpy(), atol=1e-6)


def test_the_mode_of_the_model_stays():
    model = conv().train()
    features_of(model, blobs(10), CLASSES)
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())
