"""Training of original and Retrain: one recipe, one loop."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mubench.data.split import Batch, Split
from mubench.models.recipe import Recipe
from mubench.models.training.checkpoint import Checkpointer, DescentCheckpoints
from mubench.models.training.descent import Descent, descend
from mubench.models.training.loader import Loader
from mubench.models.training.micro_batches import in_pieces, require_no_batch_norm


def fit(
    model: nn.Module,
    split: Split,
    recipe: Recipe,
    seed: int,
    checkpointer: Checkpointer | None = None,
) -> None:
    """Train `model` in place on all of `split`; order and augmentation depend on `seed` alone.

    With a `checkpointer` it goes on where an earlier call was cut, if one was.

    Raises:
        Diverged: the recipe left the finite numbers.
        InputError: a recipe with `micro_batch` for a model with BatchNorm.
        Interrupted: the checkpointer ends the training.
    """
    loader = Loader(split, recipe.batch_size, seed=seed, name="train", augment=recipe.augment)
    layout = torch.channels_last if recipe.channels_last else torch.contiguous_format

    def whole(batch: Batch) -> Tensor:
        return F.cross_entropy(model(laid_out(batch.inputs, layout)), batch.labels)

    loss: Callable[[Batch], Tensor] = whole
    if recipe.micro_batch is not None:
        require_no_batch_norm(model)
        loss = in_pieces(whole, recipe.micro_batch)
    with in_layout(model, layout), compiled(model, is_on=recipe.compile):
        descend(
            model,
            descent_of(recipe),
            lambda _: loader.epoch(),
            loss,
            steps_per_epoch=len(loader),
            checkpoints=None if checkpointer is None else DescentCheckpoints(checkpointer, loader),
        )


def descent_of(recipe: Recipe) -> Descent:
    """The settings of the descent that a recipe is."""
    return Descent(
        learning_rate=recipe.learning_rate,
        epochs=recipe.epochs,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
        optimizer=recipe.optimizer,
        precision=recipe.precision,
        schedule=lr_schedule(recipe),
    )


def lr_schedule(recipe: Recipe) -> Callable[[float], float] | None:
    """Progress in [0, 1) to a multiple of the learning rate; None where it is always 1.

    A linear rise over `warmup_fraction`, then constant, a cosine or a line to 0, or steps.
    """
    warmup = recipe.warmup_fraction
    if recipe.schedule == "constant" and not warmup:
        return None

    def multiple(progress: float) -> float:
        if progress < warmup:
            return progress / warmup
        if recipe.schedule == "onecycle":
            return (1 - progress) / (1 - warmup)
        if recipe.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))
        passed = sum(progress * recipe.epochs >= epoch for epoch in recipe.milestones)
        return float(recipe.decay**passed)

    return multiple


def laid_out(inputs: Any, layout: torch.memory_format) -> Any:
    """Images in a memory layout; anything else as it is."""
    is_image = isinstance(inputs, Tensor) and inputs.dim() == 4
    return inputs.contiguous(memory_format=layout) if is_image else inputs


@contextmanager
def in_layout(model: nn.Module, layout: torch.memory_format) -> Iterator[None]:
    """Keep the model's kernels in a memory layout; afterwards they are contiguous again."""
    model.to(memory_format=layout)
    try:
        yield
    finally:
        model.to(memory_format=torch.contiguous_format)


@contextmanager
def compiled(model: nn.Module, *, is_on: bool) -> Iterator[None]:
    """Compile the model's forward; afterwards, and for its hooks, it is the plain model.

    An instance's `forward` hides that of its class, and weights and their names stay what they are.
    What was compiled for another model is forgotten first: torch gives up on code that it has met
    with too many of them.
    """
    if not is_on:
        yield
        return
    torch.compiler.reset()
    vars(model)["forward"] = torch.compile(model.forward)
    try:
        yield
    finally:
        del vars(model)["forward"]
