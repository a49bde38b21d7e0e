"""Images that stream from the host's memory against images that lie on the device."""

from collections.abc import Iterator
from functools import partial

import torch

from mubench.data.split import Split
from mubench.models.training.fit import fit
from mubench.models.training.loader import Loader
from on_gpu.world import CLASSES, Row, World, images_of


def rows(world: World) -> Iterator[Row]:
    count = 160 if world.is_smoke else 20_480
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    labels = (torch.arange(count) % CLASSES).to(world.device)
    splits = {
        "resident": images_of(pixels.to(world.device), labels),
        "streamed": images_of(pixels, labels, is_streamed=True),
    }
    recipe = world.recipe(epochs=1)

    def read(split: Split) -> None:
        for _ in Loader(split, recipe.batch_size, seed=0, name="train", augment=True).epoch():
            pass

    def train(split: Split) -> None:
        fit(world.model_for(split, CLASSES), split, recipe, seed=0)

    for what, work in (("batches alone", read), ("training", train)):
        times = world.times([partial(work, split) for split in splits.values()])
        for place, seconds in zip(splits, times, strict=True):
            yield Row(f"{what}, {place}", count / seconds, "images/s")
        yield Row(f"{what}, streamed / resident", times[0] / times[1], "")
