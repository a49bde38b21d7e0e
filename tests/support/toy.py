"""The contract's small world, and what only tests need of it."""

from collections.abc import Callable

import torch
from torch import nn

from mubench.data.split import Split
from mubench.methods.base import ForgetTask, SplitName
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


def task_of(
    full: Split, n_forget: int, *, seed: int = 0, new_model: Callable[[], nn.Module] = mlp
) -> ForgetTask:
    """The first `n_forget` examples are D_f, the rest is D_r."""
    rows = torch.arange(len(full))
    splits: dict[SplitName, Split] = {
        "forget": full.subset(rows[:n_forget]),
        "retain": full.subset(rows[n_forget:]),
    }
    return ForgetTask(splits=splits, num_classes=CLASSES, seed=seed, new_model=new_model)


def softmax_regression(features: int, classes: int = CLASSES) -> Net:
    return seeded(lambda: Net(nn.Flatten(), features, classes)).double()


def distance(a: Weights, b: Weights) -> float:
    return max((a[name] - b[name]).abs().max().item() for name in a)


def accuracy(model: nn.Module, split: Split) -> float:
    batch = split.take(torch.arange(len(split)))
    with torch.no_grad():
        return (model.eval()(batch.inputs).argmax(1) == batch.labels).double().mean().item()
