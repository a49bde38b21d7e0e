"""Training of original and Retrain: one recipe, one loop."""

import math
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from mubench.data.split import Batch, Split
from mubench.recipe import Recipe
from mubench.training.descent import Descent, descend
from mubench.training.loader import Loader


def fit(model: nn.Module, split: Split, recipe: Recipe, seed: int) -> None:
    """Train `model` in place on all of `split`; order and augmentation depend on `seed` alone.

    Raises:
        Diverged: the recipe left the finite numbers.
    """
    loader = Loader(split, recipe.batch_size, seed=seed, name="train", augment=recipe.augment)
    settings = Descent(
        learning_rate=recipe.learning_rate,
        epochs=recipe.epochs,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        optimizer=recipe.optimizer,
        precision=recipe.precision,
        schedule=lr_schedule(recipe),
    )

    def loss(batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.inputs), batch.labels)

    descend(model, settings, lambda _: loader.epoch(), loss, steps_per_epoch=len(loader))


def lr_schedule(recipe: Recipe) -> Callable[[float], float] | None:
    """Progress in [0, 1) to a multiple of the learning rate; None where it is always 1.

    A linear rise over `warmup_fraction`, then constant, a cosine to 0, or steps.
    """
    warmup = recipe.warmup_fraction
    if recipe.schedule == "constant" and not warmup:
        return None

    def multiple(progress: float) -> float:
        if progress < warmup:
            return progress / warmup
        if recipe.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
        passed = sum(progress * recipe.epochs >= epoch for epoch in recipe.milestones)
        return float(recipe.decay**passed)

    return multiple
