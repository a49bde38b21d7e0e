"""Losses of distillation in numpy."""

import numpy as np
import torch

from tests.support.toy import blobs, task_of

PLAIN_SGD = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "augment": False}


def double_task(n, n_forget):
    return task_of(blobs(n, dtype=torch.float64), n_forget)


def numbers(layer):
    return [p.detach().numpy() for p in (layer.weight, layer.bias)]


def softmax(x, W, b):
    z = x @ W.T + b
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)
