"""l1-sparse: the penalty, its fading, and FT without it."""

import pytest
import torch
from torch import nn

from mubench.methods.ft import FT
from mubench.methods.l1_sparse import L1Sparse
from tests.support.partial_training import PLAIN_SGD, SHORT
from tests.support.toy import blobs, conv, distance, mlp, same, task_of, train, weights


def test_without_a_penalty_l1_sparse_is_fine_tuning():
    ft = FT(**SHORT).run(conv(), task_of(blobs(21), 10)).model
    for none in ({"sparsity": 0.0}, {"no_l1_epochs": 2}):
        found = L1Sparse(**none, **SHORT).run(conv(), task_of(blobs(21), 10)).model
        assert same(weights(found), weights(ft))
    assert not same(weights(ft), weights(conv()))


@pytest.mark.parametrize("build", [conv, mlp])
def test_the_penalty_adds_the_sign_of_every_parameter_to_the_gradient(build):
    full = blobs(24, dtype=torch.float64)
    task, original = task_of(full, 8), build().double()
    train(original, full, epochs=2)
    settings = PLAIN_SGD | {"epochs": 1, "batch_size": 16, "learning_rate": 0.5}
    plain = FT(**settings).run(original, task).model
    found = L1Sparse(sparsity=0.01, **settings).run(original, task).model
    triples = zip(found.parameters(), plain.parameters(), original.parameters(), strict=True)
    for sparse, p, start in triples:
        assert start.abs().min() > 0
        assert torch.allclose(p - sparse, 0.5 * 0.01 * start.sign(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("epochs", "no_l1_epochs", "expected"),
    [
        (4, 0, [1, 0.75, 0.5, 0.25]),
        (4, 2, [1, 0.5, 0, 0]),
        (3, 3, [0, 0, 0]),
        (1, 0, [1]),
    ],
)
def test_the_penalty_fades_to_nothing(epochs, no_l1_epochs, expected):
    class Idle(nn.Module):
        """Its logits ignore its parameter, so that only the penalty moves it."""

        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.tensor([3.0, -2.0], dtype=torch.float64))

        def forward(self, x):
            return torch.zeros(len(x), 3) + 0 * self.weight.sum()

    settings = PLAIN_SGD | {"learning_rate": 0.5, "batch_size": 99}
    method = L1Sparse(epochs=epochs, no_l1_epochs=no_l1_epochs, sparsity=0.1, **settings)
    found = method.run(Idle(), task_of(blobs(20), 8)).model
    moved = 0.5 * 0.1 * sum(expected)
    expected_weight = torch.tensor([3.0 - moved, moved - 2.0], dtype=torch.float64)
    assert (found.weight - expected_weight).abs().max() < 1e-12
    assert [method.penalty_weight(e) / 0.1 for e in range(epochs)] == pytest.approx(expected)


def test_a_strong_penalty_empties_the_weights():
    settings = SHORT | {"epochs": 5, "learning_rate": 0.1}
    found = L1Sparse(sparsity=1.0, **settings).run(mlp(), task_of(blobs(30), 10)).model
    plain = FT(**settings).run(mlp(), task_of(blobs(30), 10)).model
    zero = {name: torch.zeros_like(value) for name, value in weights(mlp()).items()}
    assert distance(weights(found), zero) < 0.5 * distance(weights(plain), zero)
