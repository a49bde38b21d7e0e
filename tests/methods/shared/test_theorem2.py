"""Theorem 2 measured on models, against dense algebra."""

import copy

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch.func import functional_call, jacrev

import mubench
from mubench.errors import Diverged
from mubench.methods.shared.theorem2 import contrast, diagnose
from mubench.metrics.theory import theorem2
from tests.support.toy import (
    CLASSES,
    blobs,
    conv,
    same,
    softmax_regression,
    split_of,
    task_of,
    train,
    weights,
)


def world(n_forget=8, n=40):
    """A softmax regression half way through its training, its task, and both in numpy."""
    model = softmax_regression(16)
    task = task_of(blobs(n, dtype=torch.float64), n_forget)
    train(model, blobs(n, dtype=torch.float64), epochs=2)
    return model, task.forget, task.retain


def arrays(split):
    batch = split.take(torch.arange(len(split)))
    x = batch.inputs.flatten(1).numpy()
    return np.hstack([x, np.ones((len(x), 1))]), batch.labels.numpy()


def by_definition(model, forget, retain, damping):
    """Displacements (plain, others, retrain) of a softmax regression, each by its own formula.

    Everything is flat in the order of (weight, bias).
    """
    w = np.hstack([model.classifier.weight.detach(), model.classifier.bias.detach()[:, None]])
    (x_f, y_f), (x_r, y_r) = arrays(forget), arrays(retain)
    n_f, n_r = len(x_f), len(x_r)

    def flat(matrix):
        return np.concatenate([matrix[:, :-1].ravel(), matrix[:, -1]])

    def gradient(x, targets):
        return flat((softmax(x @ w.T, axis=1) - targets).T @ x)

    one_hot = np.eye(CLASSES)
    q = softmax(x_r @ w.T, axis=1)
    hessian = np.zeros((w.size, w.size))
    for probabilities, row in zip(q, x_r, strict=True):
        curvature = np.diag(probabilities) - np.outer(probabilities, probabilities)
        hessian += np.kron(curvature, np.outer(row, row)) / n_r
    # from one class after the other to (weight, bias)
    order = flat(np.arange(w.size).reshape(w.shape)).astype(int)
    hessian = hessian[np.ix_(order, order)] + damping * np.eye(w.size)
    g_f, g_r = gradient(x_f, one_hot[y_f]), gradient(x_r, one_hot[y_r])
    g_others = gradient(x_f, (1 - one_hot[y_f]) / (CLASSES - 1))
    n = n_f + n_r
    v = g_f / n - n_f / (n * n_r) * g_r
    newton = np.linalg.inv(n_r * hessian)
    return newton @ g_f, newton @ g_others, np.linalg.solve(hessian, v)


def assert_equal(found, expected, rel):
    for name in ("cosine", "best_alpha", "error", "best_error", "relative_improvement"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=rel), name


@pytest.mark.parametrize("damping", [0.01, 1.0])
def test_theorem_2_of_a_softmax_regression_is_that_of_dense_algebra(damping):
    """H is the Hessian itself here; each displacement is computed apart, as it is defined."""
    model, forget, retain = world()
    plain, others, retrain = by_definition(model, forget, retain, damping)
    expected = theorem2(retrain - plain, others - plain, CLASSES)
    found = diagnose(model, forget, retain, damping=damping)
    assert_equal(found, expected, rel=1e-4)
    assert found.residual < 1e-6
    assert 0.05 < abs(found.cosine) < 0.95


def test_without_curvature_theorem_2_is_about_gradients():
    model, forget, retain = world()
    plain, others, retrain = by_definition(model, forget, retain, 0.1)
    (x_f, y_f), (x_r, y_r) = arrays(forget), arrays(retain)
    w = np.hstack([model.classifier.weight.detach(), model.classifier.bias.detach()[:, None]])

    def gradients(x, targets):
        return ((softmax(x @ w.T, axis=1) - targets).T @ x).ravel()

    g_f, g_r = gradients(x_f, np.eye(CLASSES)[y_f]), gradients(x_r, np.eye(CLASSES)[y_r])
    g_others = gradients(x_f, (1 - np.eye(CLASSES)[y_f]) / (CLASSES - 1))
    v = g_f / 40 - 8 / (40 * 32) * g_r
    expected = theorem2(v - g_f / 32, (g_others - g_f) / 32, CLASSES)
    assert_equal(diagnose(model, forget, retain, preconditioner="identity"), expected, rel=1e-10)
    curved = theorem2(retrain - plain, others - plain, CLASSES)
    assert abs(expected.cosine - curved.cosine) > 0.01


def test_theorem_2_of_a_network_is_that_of_its_gauss_newton_matrix():
    """With BatchNorm in `eval()` mode, on a model whose logits are not linear in its weights."""
    model = conv()
    train(model, blobs(30), epochs=3)
    model.double()
    task = task_of(blobs(30, dtype=torch.float64), 6)
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    buffers = dict(model.named_buffers())

    def logits(split):
        batch = split.take(torch.arange(len(split)))
        jacobian = jacrev(lambda p: functional_call(model, (p, buffers), (batch.inputs,)))
        rows = [j.flatten(2) for j in jacobian(parameters).values()]
        return model(batch.inputs).detach(), torch.cat(rows, 2), batch.labels

    def gradient(z, jacobian, targets):
        return torch.einsum("nk,nkd->d", z.softmax(1) - targets, jacobian)

    (z_f, j_f, y_f), (z_r, j_r, y_r) = logits(task.forget), logits(task.retain)
    one_hot = torch.eye(CLASSES, dtype=torch.float64)
    g_f, g_r = gradient(z_f, j_f, one_hot[y_f]), gradient(z_r, j_r, one_hot[y_r])
    g_others = gradient(z_f, j_f, (1 - one_hot[y_f]) / (CLASSES - 1))
    q = z_r.softmax(1)
    inner = torch.diag_embed(q) - q[:, :, None] * q[:, None, :]
    curvature = torch.einsum("nkd,nkl,nle->de", j_r, inner, j_r) / 24
    damped = curvature + 0.1 * torch.eye(len(g_f), dtype=torch.float64)
    v = g_f / 30 - 6 / (30 * 24) * g_r
    a = torch.linalg.solve(damped, v - g_f / 24).numpy()
    b = torch.linalg.solve(damped, (g_others - g_f) / 24).numpy()
    found = diagnose(model, task.forget, task.retain, damping=0.1, iterations=200)
    assert_equal(found, theorem2(a, b, CLASSES), rel=1e-4)


def test_too_few_iterations_show_in_the_residual():
    model, forget, retain = world()
    few = diagnose(model, forget, retain, damping=1e-3, iterations=2)
    many = diagnose(model, forget, retain, damping=1e-3, iterations=60)
    assert few.residual > 0.05
    assert many.residual < 1e-5
    assert few.cosine != pytest.approx(many.cosine, rel=1e-3)


def test_a_subset_gives_the_curvature_but_all_examples_the_gradients():
    model, forget, retain = world()
    whole = diagnose(model, forget, retain)
    part = diagnose(model, forget, retain, subset=10)
    assert part != whole
    assert part == diagnose(model, forget, retain, subset=10)
    identity = [
        diagnose(model, forget, retain, subset=s, preconditioner="identity") for s in (1, 32)
    ]
    assert identity[0] == identity[1]


def test_the_contrast_is_the_other_labels_loss_less_the_true_ones():
    z = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double()
    labels = torch.tensor([0, 3, 1, 1, 2])
    losses = -z.log_softmax(1).numpy()
    for row, (loss, y) in enumerate(zip(losses, labels, strict=True)):
        expected = np.delete(loss, y).mean() - loss[y]
        assert contrast(z, labels)[row].item() == pytest.approx(expected, abs=1e-12)


def stationary():
    """Each input once with either label: at weights of 0 the training gradient is exactly 0."""
    model = softmax_regression(4, classes=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).double().repeat(2, 1)
    full = split_of(x, torch.arange(12) // 6)
    return model, full.subset(torch.arange(3)), full.subset(torch.arange(3, 12))


def test_at_a_stationary_point_plain_ascent_is_retrain():
    with pytest.raises(ValueError, match="needs a and b different from zero, got length_a=0"):
        diagnose(*stationary())


def test_infinite_gradients_are_told():
    model, forget, retain = world()
    with torch.no_grad():
        model.classifier.weight[0, 0] = float("nan")
    for preconditioner in ("identity", "gauss_newton"):
        with pytest.raises(Diverged, match="not finite"):
            diagnose(model, forget, retain, preconditioner=preconditioner)


def test_from_python_a_model_is_looked_at_in_eval_mode_and_left_alone():
    model = conv()
    train(model, blobs(30), epochs=3)
    sets = {
        name: (split.take(torch.arange(len(split))).inputs, split.labels)
        for name, split in task_of(blobs(30), 6).splits.items()
    }
    expected = diagnose(model, *(split_of(*pair) for pair in sets.values()))
    before = copy.deepcopy(weights(model.train()))
    found = mubench.theorem2(model, **sets)
    assert found == expected
    assert model.training
    assert same(weights(model), before)
    assert all(parameter.grad is None for parameter in model.parameters())
    other = mubench.theorem2(
        model, **sets, preconditioner="identity", damping=2.0, subset=3, iterations=1
    )
    assert other == mubench.theorem2(model, **sets, preconditioner="identity")
    assert other != expected
    short = mubench.theorem2(model, **sets, damping=2.0, subset=3, iterations=1)
    for setting in ({"damping": 1.0}, {"subset": 4}, {"iterations": 2}):
        given = {"damping": 2.0, "subset": 3, "iterations": 1} | setting
        assert mubench.theorem2(model, **sets, **given) != short
