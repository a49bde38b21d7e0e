"""Shuffled batches of one split, one after the other, without workers and without copies."""

from collections.abc import Iterable, Iterator, Mapping

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
        self._at_start = self._generators()
        self._done = self._skipped = 0

    def __len__(self) -> int:
        """Batches in one epoch, of at most `size` examples."""
        return -(-len(self.split) // self.size)

    @property
    def sizes(self) -> list[int]:
        """Of the batches of one epoch; they differ by at most one."""
        whole, longer = divmod(len(self.split), max(1, len(self)))
        return [whole + 1] * longer + [whole] * (len(self) - longer)

    def epoch(self) -> Iterator[Batch]:
        """Every example once, in a fresh order, in batches whose sizes differ by at most one.

        A short tail would be noise: BatchNorm's running statistics end every epoch with it. Four
        left-over images cost a memorised training set three points of accuracy.

        After `load_state_dict` it is the rest of the epoch that was cut.
        """
        skipped, self._skipped = self._skipped, 0
        self._at_start = self._generators()
        parts = self._permutation().split(self.sizes)
        batches = self.split.stream(parts, self._augment, skipped)
        for done, batch in enumerate(batches, skipped + 1):
            self._done = done
            yield batch

    def cycle(self, sizes: Iterable[int]) -> Iterator[Batch]:
        """The next batches, of these sizes, of an endless, reshuffled stream.

        The stream goes on across epochs and calls; a short tail is filled from the next shuffle. A
        split smaller than a size gives all of its examples.
        """
        sizes = [min(size, len(self.split)) for size in sizes]
        missing = max(0, sum(sizes) - len(self._left))
        passes = -(-missing // len(self.split)) if missing else 0
        stream = torch.cat([self._left, *(self._permutation() for _ in range(passes))])
        *parts, left = stream.split([*sizes, len(stream) - sum(sizes)])
        self._left = left.clone()  # a part of it would keep all of it
        return self.split.stream(parts, self._augment)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The place in the current `epoch`, after the last batch that it gave; no `cycle` has one.

        That is what the generators were when it began, and how many batches it gave.
        """
        return {**self._at_start, "done": torch.tensor(self._done)}

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go to a place: the next `epoch` gives the batches that followed it."""
        self._order.set_state(state["order"])
        self._skipped = int(state["done"])
        if self._augment is not None:
            self._augment.set_state(state["augment"])

    def _generators(self) -> dict[str, torch.Tensor]:
        named = {"order": self._order, "augment": self._augment}
        return {name: each.get_state() for name, each in named.items() if each is not None}

    def _permutation(self) -> torch.Tensor:
        return torch.randperm(len(self.split), generator=self._order)
