"""Batches of D_f and D_r examples shuffled together."""

from collections.abc import Iterator
from typing import NamedTuple

import torch

from mubench.data.split import Batch, join
from mubench.models.training.loader import Loader


class Mixed(NamedTuple):
    """A batch whose first `n_forget` examples are D_f's and whose others are D_r's."""

    batch: Batch
    n_forget: int


def steps(forget: Loader, retain: Loader) -> int:
    """Batches in one epoch over both, of at most the loaders' common size."""
    return -(-(len(forget.split) + len(retain.split)) // forget.size)


def mixed_epoch(forget: Loader, retain: Loader, order: torch.Generator) -> Iterator[Mixed]:
    """Every example of both once, in batches whose sizes differ by at most one.

    `order` decides which positions of the shuffled union D_f has; the loaders fill them.
    """
    n_forget = len(forget.split)
    is_forget = torch.randperm(n_forget + len(retain.split), generator=order) < n_forget
    parts = is_forget.tensor_split(steps(forget, retain))
    counts = [int(part.sum()) for part in parts]
    others = [len(part) - count for part, count in zip(parts, counts, strict=True)]
    for batches in zip(forget.cycle(counts), retain.cycle(others), strict=True):
        yield Mixed(join([b for b in batches if len(b.labels)]), len(batches[0].labels))
