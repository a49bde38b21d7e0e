"""JiT: its loss and a step on a linear model by hand."""

import numpy as np
import pytest
import torch

from mubench.errors import InputError, Refused
from mubench.methods.jit import JiT
from tests.support.distillation import PLAIN_SGD, double_task, numbers
from tests.support.toy import conv, mlp, softmax_regression, task_of, tokens

SETTINGS = PLAIN_SGD | {"epochs": 1, "batch_size": 100}


def noisy(task, x, sigma, samples):
    """Inputs with noise (samples, n, 16), kept between the batch's smallest and largest value."""
    noise = task.generator("noise")
    drawn = [torch.randn(len(x), 1, 4, 4, generator=noise).flatten(1) for _ in range(samples)]
    return np.clip(x + sigma * torch.stack(drawn).numpy().astype(np.float64), x.min(), x.max())


@pytest.mark.parametrize("sigma", [0.05, 0.5, 5.0])
def test_a_step_on_a_linear_model_is_that_coded_by_hand(sigma, steps):
    """z(x) - z(x') is W (x - x'), and the gradient of its norm in z(x) a unit vector u."""
    task, original = double_task(20, 6), softmax_regression(16)
    found = JiT(sigma=sigma, samples=3, learning_rate=0.3, **SETTINGS).run(original, task)
    [(batch, value)] = steps
    x = batch.inputs.flatten(1).numpy()
    W, b = numbers(original.classifier)
    moves = x - noisy(task, x, sigma, 3)
    lengths = np.linalg.norm(moves, axis=2, keepdims=True)
    changes = moves @ W.T
    sizes = np.linalg.norm(changes, axis=2, keepdims=True)
    assert value == pytest.approx((sizes / lengths).mean(), rel=1e-6)
    # z(x) alone has a gradient: x is what the weights multiply, not x - x'
    u = (changes / sizes / lengths).sum(0) / (3 * 6)
    expected = W - 0.3 * u.T @ x, b - 0.3 * u.sum(0)
    for ours, by_hand in zip(numbers(found.model.classifier), expected, strict=True):
        np.testing.assert_allclose(ours, by_hand, atol=1e-6)
    assert found.cost.forward_examples == 6 * 4
    assert found.cost.backward_examples == 6


def test_by_default_noise_does_not_enter_the_statistics_of_batch_norm():
    task, original = task_of(double_task(30, 7).forget, 6), conv().double()
    found = JiT(samples=2).run(original, task)
    assert torch.equal(found.model.body[1].running_var, original.body[1].running_var)


def test_tokens_and_no_noise_are_refused():
    with pytest.raises(Refused, match="which tokens do not bear"):
        JiT().run(mlp(), task_of(tokens(12), 4))
    for name in ("sigma", "samples"):
        with pytest.raises(InputError, match=f"{name}: 0 is not above 0"):
            JiT(**{name: 0})
