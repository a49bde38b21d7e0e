"""Labelled examples that live on one device, and views of them.

A `Source` holds tensors; a `Split` is an index into one; a `Batch` is what a model gets.
Every example keeps its stable id, so that stored outputs can be matched years later.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

Inputs = Tensor | dict[str, Tensor]
"""A tensor (n, ...) or, for text, a dict of them."""


class Batch(NamedTuple):
    """What a model gets: `inputs` ready for it, `labels` (b,) int64, `ids` (b,) int64."""

    inputs: Inputs
    labels: Tensor
    ids: Tensor


class Transform(Protocol):
    """From stored inputs to a model's inputs; with a generator also the training augmentation."""

    def __call__(self, inputs: Inputs, generator: torch.Generator | None) -> Inputs:
        """Normalise; augment as well where `generator` is given. Draws from it alone."""
        ...


class Pixels(NamedTuple):
    """How a model's inputs come from pixels in [0, 1]: x = (pixel - mean) / std."""

    mean: Tensor
    """(c, 1, 1), or a scalar."""
    std: Tensor
    """Positive, of the shape of `mean`."""
    levels: int
    """Pixels are multiples of 1 / levels."""


@dataclass(frozen=True)
class Source:
    """Examples as stored: raw `inputs` (n, ...), `labels` (n,) int64, `ids` (n,) int64."""

    inputs: Inputs
    labels: Tensor
    ids: Tensor
    transform: Transform


def select(inputs: Inputs, rows: Tensor) -> Inputs:
    """Rows of a tensor or of every tensor in a dict."""
    if isinstance(inputs, dict):
        return {name: value[rows] for name, value in inputs.items()}
    return inputs[rows]


def concatenate(first: Inputs, second: Inputs) -> Inputs:
    """The rows of both, those of `first` first.

    Raises:
        TypeError: one is a dict, the other a tensor.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        return {name: torch.cat([value, second[name]]) for name, value in first.items()}
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return torch.cat([first, second])
    raise TypeError("forget and retain batches differ in kind")


def join(parts: Sequence[Batch]) -> Batch:
    """The examples of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    labels, ids = (torch.cat(values) for values in list(zip(*parts, strict=True))[1:])
    return Batch(reduce(concatenate, (part.inputs for part in parts)), labels, ids)


class Split:
    """A set of examples: an index into a source. Slicing it copies no example."""

    def __init__(self, source: Source, rows: Tensor) -> None:
        self._source = source
        self._rows = rows

    @classmethod
    def whole(cls, source: Source) -> "Split":
        """All examples of a source, in order."""
        return cls(source, torch.arange(len(source.labels), device=source.labels.device))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def labels(self) -> Tensor:
        """(n,) int64."""
        return self._source.labels[self._rows]

    @property
    def ids(self) -> Tensor:
        """(n,) int64, stable across runs."""
        return self._source.ids[self._rows]

    @property
    def pixels(self) -> Pixels | None:
        """How inputs come from pixels; None where they are no images, or nobody knows."""
        return getattr(self._source.transform, "pixels", None)

    @property
    def device(self) -> torch.device:
        """Where the examples live."""
        return self._source.labels.device

    def subset(self, positions: Tensor) -> "Split":
        """The examples at `positions` (m,) int64 of this split."""
        return Split(self._source, self._rows[positions.to(self._rows.device)])

    def without_labels(self) -> "Split":
        """The same examples with every label -1."""
        source = self._source
        hidden = torch.full_like(source.labels, -1)
        return Split(Source(source.inputs, hidden, source.ids, source.transform), self._rows)

    def with_labels(self, labels: Tensor) -> "Split":
        """The same examples with other labels (n,) int64."""
        source = self._source
        changed = source.labels.clone()
        changed[self._rows] = labels.to(self.device)
        return Split(Source(source.inputs, changed, source.ids, source.transform), self._rows)

    def take(self, positions: Tensor, augment: torch.Generator | None = None) -> Batch:
        """The batch at `positions` (b,); augmented where a generator is given."""
        rows = self._rows[positions.to(self._rows.device)]
        inputs = self._source.transform(select(self._source.inputs, rows), augment)
        return Batch(inputs, self._source.labels[rows], self._source.ids[rows])

    def batches(self, size: int) -> Iterator[Batch]:
        """All examples in order with the test transform; the last batch may be short."""
        for positions in torch.arange(len(self)).split(size):
            yield self.take(positions)
