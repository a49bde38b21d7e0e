"""TRW: similarities, the tilted target, and a step by hand."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from mubench.catalogue import cards
from mubench.errors import InputError
from mubench.methods.trw import TRW, similarity
from tests.support.distillation import PLAIN_SGD, numbers, softmax
from tests.support.toy import CLASSES, blobs, softmax_regression, task_of, train

SETTINGS = PLAIN_SGD | {"epochs": 1, "batch_size": 100, "learning_rate": 0.4}


def class_task(n=24, classes=(0,)):
    """D_f is all of some classes."""
    full = blobs(n, dtype=torch.float64)
    inside = torch.isin(full.labels, torch.tensor(classes))
    order = torch.cat([inside.nonzero(), (~inside).nonzero()]).flatten()
    return task_of(full.subset(order), int(inside.sum()))


def cosines(W):
    """Of the principal components' scores of the rows, all of them, by a decomposition."""
    left, sizes, _ = np.linalg.svd(W - W.mean(0), full_matrices=False)
    scores = left * sizes
    norms = np.linalg.norm(scores, axis=1)
    return scores @ scores.T / np.outer(norms, norms)


def test_similarities_are_cosines_in_all_principal_components():
    rows = torch.randn(6, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    np.testing.assert_allclose(similarity(rows), cosines(rows.numpy()), atol=1e-12)


def targets(x, y, W, b, beta, forgotten):
    q = softmax(x, W, b) * np.exp(beta * cosines(W)[y])
    q[:, list(forgotten)] = 0
    return q / q.sum(1, keepdims=True)


@pytest.mark.parametrize("forgotten", [(0,), (2,), (0, 1)])
@pytest.mark.parametrize("beta", [0.0, 1.5, 10.0])
def test_a_step_of_trw_is_that_coded_by_hand(beta, forgotten, steps):
    task, original = class_task(classes=forgotten), softmax_regression(16)
    train(original, blobs(24, dtype=torch.float64), epochs=3)
    found = TRW(beta=beta, **SETTINGS).run(original, task)
    [((batch, n), value)] = steps
    W, b = numbers(original.classifier)
    x, y = batch.inputs.flatten(1).numpy(), batch.labels.numpy()
    assert set(y[:n]) == set(forgotten)
    target = np.eye(CLASSES)[y]
    target[:n] = targets(x[:n], y[:n], W, b, beta, forgotten)
    q = softmax(x, W, b)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(target > 0, target * np.log(target / q), 0)
    assert value == pytest.approx(terms.sum() / 24, rel=1e-10)
    error = (q - target) / 24
    for ours, by_hand in zip(
        numbers(found.model.classifier),
        (W - 0.4 * error.T @ x, b - 0.4 * error.sum(0)),
        strict=True,
    ):
        np.testing.assert_allclose(ours, by_hand, atol=1e-12)


def test_the_tilt_is_the_nearest_distribution_with_its_expected_similarity():
    """min KL(t || q) subject to sum_k t_k s_k = c, solved by a general method."""
    q, s = np.array([0.5, 0.2, 0.2, 0.1]), np.array([-0.6, 0.1, 0.4, -0.2])
    tilted = q * np.exp(2.0 * s)
    tilted /= tilted.sum()
    found = minimize(
        lambda t: (t * np.log(t / q)).sum(),
        np.full(4, 0.25),
        bounds=[(1e-9, 1)] * 4,
        constraints=[
            {"type": "eq", "fun": lambda t: t.sum() - 1},
            {"type": "eq", "fun": lambda t: t @ s - tilted @ s},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    np.testing.assert_allclose(found.x, tilted, atol=1e-5)


def test_trw_forgets_classes_only_and_does_not_tilt_away():
    card = cards.method("trw")
    assert card.refusal("class", "text", "transformer") is None
    for scenario in ("random", "group", "index"):
        assert "all of a class" in card.refusal(scenario, "image", "cnn")
    with pytest.raises(InputError, match="beta: -1 is below 0"):
        TRW(beta=-1)
