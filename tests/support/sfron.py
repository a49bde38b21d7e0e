"""A regression and its gradients."""

import numpy as np
import torch

from tests.support.toy import softmax_regression, split_of, task_of

K = 3


def regression(n_forget=6, n_retain=6, dtype=torch.float64):
    """A task of full batches on softmax regression, so that their order is of no account."""
    n = n_forget + n_retain
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(n, 5, generator=generator, dtype=torch.float64).to(dtype)
    return task_of(split_of(x, torch.arange(n) % K), n_forget), softmax_regression(5).to(dtype)


def softmax(z):
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)


def flat_gradient(error, x):
    """Of a linear layer's weight and bias, from the gradient in the logits."""
    return np.concatenate([(error.T @ x).ravel(), error.sum(0)])
