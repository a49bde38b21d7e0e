"""Batches of several sets of examples shuffled together."""

from collections.abc import Iterator, Sequence

import torch

from mubench.data.split import Batch, join
from mubench.models.training.loader import Loader


def union_steps(loaders: Sequence[Loader]) -> int:
    """Batches in one epoch over all of them, of at most the loaders' common size."""
    return -(-sum(len(loader.split) for loader in loaders) // loaders[0].size)


def union_epoch(loaders: Sequence[Loader], order: torch.Generator) -> Iterator[Batch]:
    """Every example of all loaders once, in batches whose sizes differ by at most one.

    `order` decides which positions of the shuffled union each loader has; the loaders fill them,
    those of the first loader first in every batch.
    """
    sizes = torch.tensor([len(loader.split) for loader in loaders])
    owners = torch.arange(len(loaders)).repeat_interleave(sizes)
    owners = owners[torch.randperm(len(owners), generator=order)]
    parts = owners.tensor_split(union_steps(loaders))
    counts = [part.bincount(minlength=len(loaders)).tolist() for part in parts]
    cycles = map(Loader.cycle, loaders, zip(*counts, strict=True))
    for batches in zip(*cycles, strict=True):
        yield join([batch for batch in batches if len(batch.labels)])
