"""What numbers and layouts cost: steps a second of ResNet-18's training in each."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch

from mubench.models.recipe import Recipe
from mubench.models.training.fit import fit
from on_gpu.world import Row, World

KINDS = ("float32", "float32 and TF32", "bfloat16", "bfloat16, channels last")


def rows(world: World) -> Iterator[Row]:
    steps = 2 if world.is_smoke else 40
    split = world.images.train.subset(torch.arange(steps * world.batch) % len(world.images.train))
    for is_deterministic in (True, False):
        for kind in KINDS:
            recipe = world.recipe(
                epochs=1,
                batch_size=world.batch,
                precision=kind.partition(",")[0].split()[0],
                channels_last=kind.endswith("last"),
            )
            with backends(tf32="TF32" in kind, is_deterministic=is_deterministic):
                (seconds,) = world.times([partial(train, world, split, recipe)])
            how = "deterministic" if is_deterministic else "not deterministic"
            yield Row(f"training, batch {world.batch}, {kind}, {how}", steps / seconds, "steps/s")


def train(world: World, split: object, recipe: Recipe) -> None:
    fit(world.model(), split, recipe, seed=0)


@contextmanager
def backends(*, tf32: bool, is_deterministic: bool) -> Iterator[None]:
    """Torch's choices within the context: TF32 everywhere or nowhere, and cuDNN's algorithms."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic
    matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic = tf32, tf32, is_deterministic
    try:
        yield
    finally:
        matmul.allow_tf32, cudnn.allow_tf32, cudnn.deterministic = before
