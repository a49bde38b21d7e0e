"""Shuffled batches of one split, one after the other, without workers and without copies."""

from collections.abc import Iterator, Mapping

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
        self._order_at_start = self._order.get_state()
        self._done = self._skipped = 0

    def __len__(self) -> int:
        """Batches in one epoch, of at most `size` examples."""
        return -(-len(self.split) // self.size)

    def epoch(self) -> Iterator[Batch]:
        """Every example once, in a fresh order, in batches whose sizes differ by at most one.

        A short tail would be noise: BatchNorm's running statistics end every epoch with it. Four
        left-over images cost a memorised training set three points of accuracy.

        After `load_state_dict` it is the rest of the epoch that was cut.
        """
        skipped, self._skipped = self._skipped, 0
        self._order_at_start = self._order.get_state()
        parts = self._permutation().tensor_split(len(self))[skipped:]
        for done, batch in enumerate(self.split.stream(parts, self._augment), skipped + 1):
            self._done = done
            yield batch

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

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The place in the current `epoch`, after the last batch that it gave; `next` has none."""
        state = {"order": self._order_at_start, "done": torch.tensor(self._done)}
        if self._augment is not None:
            state["augment"] = self._augment.get_state()
        return state

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go to a place: the next `epoch` gives the batches that followed it."""
        self._order.set_state(state["order"])
        self._skipped = int(state["done"])
        if self._augment is not None:
            self._augment.set_state(state["augment"])

    def _permutation(self) -> torch.Tensor:
        return torch.randperm(len(self.split), generator=self._order)
