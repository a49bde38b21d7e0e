"""Gradients of examples and curvature products against loops and dense algebra."""

import numpy as np
import pytest
import torch
from torch.func import functional_call

from mubench.methods.shared import gradients as influence
from mubench.methods.shared.gradients import (
    FISHER_BATCH,
    batch_fisher,
    example_gradients,
    flatten,
    gauss_newton_product,
    shuffled,
)
from mubench.models.training.cost_meter import Meter
from tests.support.kinds_of_models import KINDS, examples, new_model
from tests.support.sfron import K, flat_gradient, regression, softmax
from tests.support.toy import blobs, conv, mlp, split_of, text, tokens
from tests.support.vectors import normal, rows


@pytest.mark.parametrize("net", [mlp, conv, text])
def test_gauss_newton_products_equal_the_dense_matrix(net):
    split = tokens(9) if net is text else blobs(9, dtype=torch.float64)
    model = net().double().eval()
    inputs = split.take(torch.arange(9)).inputs
    parameters = list(model.parameters())
    dense = 0
    for row in range(9):
        one = {k: v[[row]] for k, v in inputs.items()} if net is text else inputs[[row]]
        logits = model(one)[0]
        J = torch.stack(
            [
                influence.flatten(torch.autograd.grad(z, parameters, retain_graph=True))
                for z in logits
            ]
        )
        q = logits.detach().softmax(0)
        dense = dense + J.T @ (q.diag() - q.outer(q)) @ J / 9
    u = normal(len(dense))
    found = influence.gauss_newton_product(model, split, u, Meter())
    assert torch.allclose(found, dense @ u, rtol=0, atol=1e-10)


@pytest.mark.parametrize("net", [mlp, conv, text])
def test_example_gradients_equal_a_loop_in_every_chunking(net, monkeypatch):
    split = tokens(7) if net is text else blobs(7, dtype=torch.float64)
    model = net().double().eval()
    loop = torch.stack([influence.gradient_sum(model, split.subset(i[None])) for i in rows(7)])
    for entries in (1, 3 * loop.shape[1], 2**26):
        monkeypatch.setattr(influence, "GRADIENT_ENTRIES", entries)
        found = torch.cat(list(influence.example_gradients(model, split, Meter())))
        assert torch.allclose(found, loop, rtol=0, atol=1e-12)
    assert torch.allclose(influence.gradient_sum(model, split), loop.sum(0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", list(KINDS))
def test_gradients_of_single_examples_are_those_of_batches_of_one(kind):
    model, split = new_model(kind).eval(), examples(kind).subset(torch.arange(4))
    expected = []
    for batch in split.batches(1):
        loss = torch.nn.functional.cross_entropy(model(batch.inputs), batch.labels)
        expected.append(flatten(torch.autograd.grad(loss, [*model.parameters()])))
    found = torch.cat([*example_gradients(model, split, Meter())])
    torch.testing.assert_close(found, torch.stack(expected), atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("kind", list(KINDS))
def test_curvature_products_are_those_of_finite_differences(kind):
    """J u from logits at theta + h u in float64, then J^T S J u by a backward pass."""
    model, split = new_model(kind).double().eval(), examples(kind).subset(torch.arange(4))
    batch = split.take(torch.arange(4))
    inputs = batch.inputs if isinstance(batch.inputs, dict) else batch.inputs.double()
    split = split_of(inputs, batch.labels)
    values = dict(model.named_parameters())
    generator = torch.Generator().manual_seed(2)
    for p in values.values():  # away from the kinks, where a ReLU sees an exact 0
        p.data += 0.01 * torch.randn(p.shape, generator=generator)
    u = {
        name: torch.randn(p.shape, generator=generator, dtype=p.dtype) for name, p in values.items()
    }
    ends = []
    for h in (1e-8, -1e-8):
        moved = {name: (p + h * u[name]).detach() for name, p in values.items()}
        ends.append(functional_call(model, moved, (inputs,)).detach())
    tangent, logits = (ends[0] - ends[1]) / 2e-8, model(inputs)
    q = logits.detach().softmax(1)
    cotangent = q * (tangent - (q * tangent).sum(1, keepdim=True)) / 4
    expected = flatten(torch.autograd.grad(logits, [*values.values()], cotangent))
    found = gauss_newton_product(model, split, flatten([*u.values()]), Meter())
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("n", [5, FISHER_BATCH, FISHER_BATCH + 1, 2 * FISHER_BATCH + 3])
def test_the_fisher_is_a_mean_over_even_batches_of_squared_gradients(n):
    task, original = regression(n_forget=n)
    x, y = task.forget.take(torch.arange(n)).inputs.numpy(), task.forget.labels.numpy()
    W, b = (p.detach().numpy() for p in original.classifier.parameters())
    error = softmax(x @ W.T + b) - np.eye(K)[y]
    rows = [batch.ids.numpy() for batch in shuffled(task.forget)]
    sizes = [len(r) for r in rows]
    assert len(rows) == -(-n // FISHER_BATCH)
    assert max(sizes) - min(sizes) <= 1
    assert sorted(np.concatenate(rows)) == list(range(n))
    expected = sum(flat_gradient(error[r] / len(r), x[r]) ** 2 for r in rows) / len(rows)
    assert abs(batch_fisher(original, task.forget).numpy() - expected).max() < 1e-12


@pytest.mark.parametrize("net", [mlp, text])
def test_a_model_that_looks_at_values_has_its_examples_one_by_one(net, monkeypatch):
    """As those of transformers look at masks; no vectorised call can follow."""
    split = tokens(5) if net is text else blobs(5)
    model = net().eval()
    expected = torch.cat(list(example_gradients(model, split, Meter())))

    def looks(module, inputs):
        values = inputs[0].values() if isinstance(inputs[0], dict) else inputs
        assert all(bool(value.isfinite().all()) for value in values)

    model.register_forward_pre_hook(looks)
    found = torch.cat(list(example_gradients(model, split, Meter())))
    assert torch.allclose(found, expected, atol=1e-6)
