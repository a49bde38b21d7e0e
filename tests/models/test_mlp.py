"""The MLP against its formula."""

import torch
from torch import nn

from mubench.methods.shared.layers import blocks_of
from mubench.models.mlp import mlp


def test_hidden_layers_and_a_classifier():
    model = mlp((6,), 3, width=8, depth=2)
    shapes = [tuple(m.weight.shape) for m in model.modules() if isinstance(m, nn.Linear)]
    assert shapes == [(8, 6), (8, 8), (3, 8)]
    (w1, b1), (w2, b2) = ((layer[0].weight, layer[0].bias) for layer in model.layers)
    rows = torch.randn(4, 6)
    expected = ((rows @ w1.T + b1).relu() @ w2.T + b2).relu()
    assert torch.allclose(model.features(rows), expected, atol=1e-6)


def test_nothing_in_it_remembers_a_batch():
    assert not list(mlp((6,), 3, width=8, depth=3).buffers())


def test_each_hidden_layer_is_a_block():
    model = mlp((6,), 3, width=8, depth=3)
    assert [next(iter(block)) for block in blocks_of(model, 3)] == list(model.layers)


def test_dropout_acts_in_training_alone():
    model, rows = mlp((6,), 3, width=64, depth=1, dropout=0.5), torch.randn(4, 6)
    model.eval()
    assert torch.equal(model(rows), model(rows))
    model.train()
    assert not torch.equal(model(rows), model(rows))
