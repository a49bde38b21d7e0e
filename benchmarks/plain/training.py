"""A small network for digits and its training, in plain PyTorch."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from plain.methods import Batches, step
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Recipe:
    """SGD with a linear warm-up and a cosine."""

    epochs: int
    batch_size: int
    learning_rate: float
    momentum: float
    weight_decay: float
    warmup: float

    def rate(self, progress: float) -> float:
        """The learning rate at a share of all steps."""
        if progress < self.warmup:
            return self.learning_rate * progress / self.warmup
        share = (progress - self.warmup) / (1 - self.warmup)
        return self.learning_rate * (1 + math.cos(math.pi * share)) / 2


def network() -> nn.Module:
    """Two convolutions with BatchNorm and a hidden layer, for 1x8x8 images and ten classes."""
    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        nn.MaxPool2d(2),
        *(nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
        nn.Flatten(),
        *(nn.Linear(512, 128), nn.ReLU()),
        nn.Linear(128, 10),
    )


def train(batches: Batches, steps: int, recipe: Recipe, make: Callable[[], nn.Module]) -> nn.Module:
    """A new model, trained on batches of which an epoch has `steps`."""
    model = make()
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
    )
    model.train()
    done, total = 0, recipe.epochs * steps
    for _ in range(recipe.epochs):
        for x, y in batches.epoch():
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate(done / total)
            step(optimizer, F.cross_entropy(model(x), y))
            done += 1
    return model
