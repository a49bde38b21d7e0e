"""The contract's small world, and what only tests need of it."""

import torch
from torch import nn

from mubench.data.split import Split
from mubench.methods.contract.toy_world import (
    CLASSES,
    Net,
    Weights,
    blobs,
    conv,
    mlp,
    same,
    seeded,
    split_of,
    task_of,
    text,
    tokens,
    train,
    weights,
)

__all__ = [
    "CLASSES",
    "Net",
    "accuracy",
    "blobs",
    "conv",
    "distance",
    "mlp",
    "same",
    "seeded",
    "softmax_regression",
    "split_of",
    "task_of",
    "text",
    "tokens",
    "train",
    "weights",
]


def softmax_regression(features: int, classes: int = CLASSES) -> Net:
    return seeded(lambda: Net(nn.Flatten(), features, classes)).double()


def distance(a: Weights, b: Weights) -> float:
    return max((a[name] - b[name]).abs().max().item() for name in a)


def accuracy(model: nn.Module, split: Split) -> float:
    batch = split.take(torch.arange(len(split)))
    with torch.no_grad():
        return (model.eval()(batch.inputs).argmax(1) == batch.labels).double().mean().item()
