"""The fast recipe: its time, and its accuracy where the images are real."""

from collections.abc import Iterator

import torch

from mubench.models.training.evaluate import accuracy_of
from mubench.models.training.fit import fit
from on_gpu.world import Row, World

LONGER = 18
"""Epochs: twice those of the recipe, which was made without a GPU to try it on."""


def rows(world: World) -> Iterator[Row]:
    train, test = world.images.train, world.images.test
    fit(world.model(), train.subset(torch.arange(min(2048, len(train)))), world.recipe(), seed=0)
    for epochs in (9, LONGER):
        model, recipe = world.model(), world.recipe(epochs=epochs)
        what = f"fast recipe, {recipe.epochs} epochs of {len(train)} images"
        yield Row(what, world.seconds(lambda m=model, r=recipe: fit(m, train, r, seed=0)), "s")
        if test is not None:
            yield Row(f"{what}: test accuracy", 100 * accuracy_of(model, test), "%")
