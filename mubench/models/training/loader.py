"""Shuffled batches of one split, one after the other, without workers and without copies."""

from collections.abc import Iterator

import torch

from mubench.catalogue.bounds import check_bounds
from mubench.catalogue.seeds import derive_seed
from mubench.data.split import Batch, Split


class Loader:
    """Batches of a split whose order and augmentation depend on (seed, name) alone.

    Adding or removing another loader therefore never changes this one's batches. Permutations are
    drawn on the CPU, so that every device sees the same order.
    """

    def __init__(
        self, split: Split, size: int, *, seed: int, name: str, augment: bool = False
    ) -> None:
        check_bounds("batch_size", size, "batch_size")
        self.split = split
        self.size = size
        self._order = torch.Generator().manual_seed(derive_seed(seed, name, "order"))
        self._augment = (
            torch.Generator().manual_seed(derive_seed(seed, name, "augment")) if augment else None
        )
        self._left = torch.empty(0, dtype=torch.int64)

    def __len__(self) -> int:
        """Batches in one epoch, of at most `size` examples."""
        return -(-len(self.split) // self.size)

    def epoch(self) -> Iterator[Batch]:
        """Every example once, in a fresh order, in batches whose sizes differ by at most one.

        A short tail would be noise: BatchNorm's running statistics end every epoch with it. Four
        left-over images cost a memorised training set three points of accuracy.
        """
        yield from self.split.stream(self._permutation().tensor_split(len(self)), self._augment)

    def next(self, size: int) -> Batch:
        """The next `size` examples of an endless, reshuffled stream.

        The stream goes on across epochs; a short tail is filled from the next shuffle. A split
        smaller than `size` gives all of its examples.
        """
        size = min(size, len(self.split))
        while len(self._left) < size:
            self._left = torch.cat([self._left, self._permutation()])
        positions, self._left = self._left[:size], self._left[size:]
        return self.split.take(positions, self._augment)

    def _permutation(self) -> torch.Tensor:
        return torch.randperm(len(self.split), generator=self._order)
