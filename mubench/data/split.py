"""Labelled examples that live on one device, and views of them.

A `Source` holds tensors; a `Split` is an index into one; a `Batch` is what a model gets.
Every example keeps its stable id, so that stored outputs can be matched to it later.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import pairwise, repeat
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor
from typing_extensions import override

from mubench.data.trigger import Trigger

T = TypeVar("T")

GROUPED_NUMBERS = 2**18
"""Batches that together have at most so many numbers are transformed as one."""

Inputs = Tensor | dict[str, Tensor]
"""A tensor (n, ...) or, for text, a dict of them."""


class Batch(NamedTuple):
    """What a model gets: `inputs` ready for it, `labels` (b,) int64, `ids` (b,) int64."""

    inputs: Inputs
    labels: Tensor
    ids: Tensor


Draws = tuple[Tensor, ...]
"""What augmenting a batch drew; each (b, ...), on the CPU."""


class Transform(Protocol):
    """From stored inputs to a model's inputs, each row by itself, and the training augmentation.

    What is drawn depends on a batch's size; how it is used, on the row alone. So batches that are
    transformed together become what they are alone.
    """

    def draw(self, size: int, generator: torch.Generator) -> Draws:
        """What augmenting a batch of `size` needs; nothing, where nothing is augmented."""
        del size, generator
        return ()

    def numbers(self, stored: int) -> int:
        """How many numbers an example takes at most, of which that many are stored."""
        return stored

    def __call__(self, inputs: Inputs, draws: Draws | None) -> Inputs:
        """Normalise; augment as well where `draws` are given."""
        ...


class AsIs(Transform):
    """A transform that changes nothing: what is stored is ready for the model."""

    @override
    def __call__(self, inputs: Inputs, draws: Draws | None) -> Inputs:
        """The inputs."""
        del draws
        return inputs


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
    """Examples as stored: `labels` (n,) int64 and `ids` (n,) int64 on the device, and raw inputs.

    Inputs lie on the device too, or, where they are memory-mapped, on the host. Example i is row i
    of `inputs`, or row `rows[i]`.
    """

    inputs: Inputs
    labels: Tensor
    ids: Tensor
    transform: Transform
    groups: Tensor | None = None
    """(n,) int64, where the data set has a finer division than labels."""
    units: Tensor | None = None
    """(n,) int64, where twins are forgotten together: examples of one number are."""
    noisy_labels: Tensor | None = None
    """(n,) int64: labels of held-out examples as they would be in D_tr, if those are flipped."""
    true_labels: Tensor | None = None
    """(n,) int64, where an option of the data set made some of the `labels` wrong."""
    trigger: Trigger | None = None
    """Of images, where an option of the data set asks for one."""
    stamped: Tensor | None = None
    """(n,) bool: which images have the trigger; None where none has."""
    rows: Tensor | None = None
    is_streamed: bool = False
    """Whether the inputs are too large for the device: the next batches are then fetched ahead."""

    def places(self, examples: Tensor) -> Tensor:
        """Rows of `inputs` (b,) that hold `examples` (b,), where the inputs lie."""
        rows = examples if self.rows is None else self.rows[to_device(examples, self.rows.device)]
        some = next(iter(self.inputs.values())) if isinstance(self.inputs, dict) else self.inputs
        return to_device(rows, some.device)

    def fetch(self, examples: Tensor, places: Tensor) -> Inputs:
        """Raw inputs of `examples` (b,), which lie at `places` (b,), on the device."""
        inputs = moved(select(self.inputs, places), self.labels.device)
        if self.trigger is not None and self.stamped is not None:
            assert isinstance(inputs, Tensor)
            self.trigger.stamp(inputs, self.stamped[examples])
        return inputs

    def grouped(self, sizes: Sequence[int]) -> list[slice]:
        """Which consecutive batches of these sizes are transformed together."""
        parts = self.inputs.values() if isinstance(self.inputs, dict) else [self.inputs]
        stored = sum(math.prod(part.shape[1:]) for part in parts)
        most = GROUPED_NUMBERS // max(1, self.transform.numbers(stored))
        ends, rows = [0], 0
        for end, size in enumerate(sizes):
            rows += size
            if rows > most and end > ends[-1]:
                ends.append(end)
                rows = size
        return [slice(*pair) for pair in pairwise([*ends, len(sizes)])]


def moved(inputs: Inputs, device: torch.device) -> Inputs:
    """The inputs on a device; see `to_device`."""
    if isinstance(inputs, dict):
        return {name: to_device(value, device) for name, value in inputs.items()}
    return to_device(inputs, device)


def to_device(value: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device. On its way to a GPU nobody waits for what the GPU still has to do.

    That needs pinned memory. On its way back everybody waits, for the values would not be there.
    """
    if device.type == "cuda" and value.device.type == "cpu":
        value = value.pin_memory()
    return value.to(device, non_blocking=device.type != "cpu")


def ahead(makes: Iterable[Callable[[], T]], depth: int = 2) -> Iterator[T]:
    """What each of `makes` returns, in order; `depth` of them run ahead in a thread."""
    with ThreadPoolExecutor(1) as thread:
        waiting: deque[Future[T]] = deque()
        for make in makes:
            waiting.append(thread.submit(make))
            if len(waiting) > depth:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def select(inputs: Inputs, rows: Tensor) -> Inputs:
    """Rows of a tensor or of every tensor in a dict."""
    if isinstance(inputs, dict):
        return {name: _rows(value, rows) for name, value in inputs.items()}
    return _rows(inputs, rows)


def _rows(values: Tensor, rows: Tensor) -> Tensor:
    # In half the time of values[rows].
    return values.index_select(0, to_device(rows, values.device))


def parted(inputs: Inputs, sizes: Sequence[int]) -> list[Inputs]:
    """Consecutive rows, `sizes` of them at a time; each part in memory of its own."""
    if len(sizes) == 1:
        return [inputs]
    if isinstance(inputs, dict):
        parts = zip(*(parted(value, sizes) for value in inputs.values()), strict=True)
        return [dict(zip(inputs, part, strict=True)) for part in parts]
    return [part.clone() for part in inputs.split(list(sizes))]


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
    def groups(self) -> Tensor | None:
        """(n,) int64: the finer division of the data set, where it has one."""
        groups = self._source.groups
        return None if groups is None else groups[self._rows]

    @property
    def units(self) -> Tensor | None:
        """(n,) int64: examples of one number are forgotten together; None where each is alone."""
        units = self._source.units
        return None if units is None else units[self._rows]

    @property
    def noisy_labels(self) -> Tensor | None:
        """(n,) int64: labels that held-out examples would have in D_tr, if those are flipped."""
        noisy = self._source.noisy_labels
        return None if noisy is None else noisy[self._rows]

    @property
    def true_labels(self) -> Tensor | None:
        """(n,) int64, where some of D_tr's labels were made wrong; no method sees them."""
        true = self._source.true_labels
        return None if true is None else true[self._rows]

    @property
    def pixels(self) -> Pixels | None:
        """How inputs come from pixels; None where they are not images, or where that is unknown."""
        return getattr(self._source.transform, "pixels", None)

    @property
    def device(self) -> torch.device:
        """Where the examples live."""
        return self._source.labels.device

    def subset(self, positions: Tensor) -> "Split":
        """The examples at `positions` (m,) int64 of this split."""
        return Split(self._source, self._rows[to_device(positions, self._rows.device)])

    def without_labels(self) -> "Split":
        """The same examples with every label -1."""
        return self._labelled(torch.full_like(self._source.labels, -1))

    def blinded(self) -> "Split":
        """The same examples; which of them are corrupted, and to what end, is not told."""
        trigger = None if self._source.stamped is None else self._source.trigger
        return Split(replace(self._source, true_labels=None, trigger=trigger), self._rows)

    def with_trigger(self) -> "tuple[Split, int] | None":
        """The same images, all stamped, and the trigger's class; None without one, and for D_tr."""
        source = self._source
        if source.trigger is None or source.stamped is not None:
            return None
        stamped = torch.ones_like(source.labels, dtype=torch.bool)
        return Split(replace(source, stamped=stamped), self._rows), source.trigger.to

    def with_labels(self, labels: Tensor) -> "Split":
        """The same examples with other labels (n,) int64."""
        changed = self._source.labels.clone()
        changed[self._rows] = labels.to(self.device)
        return self._labelled(changed)

    def take(self, positions: Tensor, augment: torch.Generator | None = None) -> Batch:
        """The batch at `positions` (b,); augmented where a generator is given."""
        return next(self.stream([positions], augment))

    def stream(
        self, parts: Iterable[Tensor], augment: torch.Generator | None = None, skip: int = 0
    ) -> Iterator[Batch]:
        """The batch at each of `parts` (b,), in order, but for the first `skip`.

        `augment` gives what it gives to all of them, those that are skipped too. Small batches are
        fetched and transformed several at a time: what they cost is the number of calls. Streamed
        inputs are fetched ahead.
        """
        source, listed = self._source, list(parts)
        draws = [source.transform.draw(len(part), augment) for part in listed] if augment else []
        listed, draws = listed[skip:], draws[skip:]
        if not listed:
            return
        # Places are looked up once for all parts: later, the way back to the host would wait for
        # the steps under way.
        sizes = [len(part) for part in listed]
        rows = _rows(self._rows, torch.cat(listed))
        groups = source.grouped(sizes)
        together = [sum(sizes[group]) for group in groups]
        fetches = map(
            partial, repeat(source.fetch), rows.split(together), source.places(rows).split(together)
        )
        is_ahead = source.is_streamed and len(groups) > 1
        fetched = ahead(fetches) if is_ahead else (fetch() for fetch in fetches)
        labels, ids = (_rows(each, rows).split(sizes) for each in (source.labels, source.ids))
        for group, raw in zip(groups, fetched, strict=True):
            drawn = tuple(map(torch.cat, zip(*draws[group], strict=True))) if augment else None
            inputs = parted(source.transform(raw, drawn), sizes[group])
            yield from map(Batch, inputs, labels[group], ids[group])

    def batches(self, size: int) -> Iterator[Batch]:
        """All examples in order with the test transform; the last batch may be short."""
        yield from self.stream(torch.arange(len(self)).split(size))

    def _labelled(self, labels: Tensor) -> "Split":
        source = replace(self._source, labels=labels, noisy_labels=None, true_labels=None)
        return Split(source, self._rows)
