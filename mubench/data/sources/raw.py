"""What a source of data returns: examples as stored, before any split.

A plug-in's module has `read(card, data_dir) -> Raw`. A source in files (a file beside this one)
gets the data set's own folder, and says whether its files are there and what changes with them: see
`InFiles`.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mubench.data.sources.partition import Ints

Piece = NDArray[np.uint8] | NDArray[np.float64] | list[str]
"""Some examples in order: decoded images (b, c, h, w), rows (b, C) of a table, or texts."""
Pieces = Callable[[], Iterator[Piece]]
"""Reads and decodes all examples anew, a piece at a time, so that they need not fit in memory."""


@dataclass(frozen=True)
class Part:
    """Examples in a fixed order: `inputs` (n, ...) or pieces of them, and `labels` (n,) int64.

    `groups` (n,) int64 divide the examples more finely than labels do (identities, subclasses), or
    are None.
    """

    inputs: NDArray[Any] | Pieces
    labels: Ints
    groups: Ints | None = None

    def pieces(self) -> Iterator[Piece]:
        """All inputs in order."""
        if callable(self.inputs):
            yield from self.inputs()
        else:
            yield self.inputs


@dataclass(frozen=True)
class Raw:
    """A data set. Ids number the rows of `train`, then those of `test`, then of `validation`."""

    train: Part
    test: Part | None
    """None where there is no official test split; one is then held out of `train`."""
    class_names: tuple[str, ...]
    fingerprint: str = ""
    """Empty where it is computed when the data are cached."""
    group_names: tuple[str, ...] = ()
    validation: Part | None = None
    """None where there is no official validation split; one is then held out of `train`."""

    @property
    def named_parts(self) -> dict[str, Part]:
        """`train`, and `test` and `validation` if there are such, in the order of ids."""
        named = {"train": self.train, "test": self.test, "validation": self.validation}
        return {name: part for name, part in named.items() if part is not None}

    @property
    def parts(self) -> tuple[Part, ...]:
        """The same without names."""
        return tuple(self.named_parts.values())


class InFiles(Protocol):
    """The module of a source that reads files; its data are decoded once and cached."""

    __name__: str
    WANTED: str
    """The files that the folder of a data set must have, in a phrase."""

    def is_here(self, card: Mapping[str, Any], folder: Path) -> bool:
        """Whether this source's files are in `folder`; cheap."""
        ...

    def stamp(self, card: Mapping[str, Any], folder: Path) -> list[Any]:
        """JSON-like values that change with the files; cheap."""
        ...

    def read(self, card: Mapping[str, Any], folder: Path) -> Raw:
        """The examples. Raises DataError, in one line that says which file is wrong and why."""
        ...


def fingerprint(labels: Iterable[Ints], inputs: Iterable[Piece]) -> str:
    """sha256 over all labels (little-endian int64), then all decoded inputs, in the order of ids.

    Both come in pieces of any size; how they are cut does not matter. Groups stand behind labels.
    """
    digest = hashlib.sha256()
    for piece in labels:
        digest.update(label_bytes(piece))
    for examples in inputs:
        digest.update(input_bytes(examples))
    return digest.hexdigest()


def label_bytes(labels: Ints) -> bytes:
    """Labels as a fingerprint sees them."""
    return np.ascontiguousarray(labels, dtype="<i8").tobytes()


def input_bytes(examples: Piece) -> bytes:
    """Inputs as a fingerprint sees them: pixels, numbers, or texts that each end in a zero byte."""
    if isinstance(examples, list):
        return b"".join(text.encode() + b"\0" for text in examples)
    return np.ascontiguousarray(examples).tobytes()
