"""What a data source returns: examples as stored, before any split. No torch.

A source is a module of this folder with `read(card, data_dir) -> Raw`; a data card names it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mubench.data.partition import Ints


@dataclass(frozen=True)
class Part:
    """Examples in a fixed order: `inputs` (n, ...), perhaps memory-mapped, and `labels` (n,)."""

    inputs: NDArray[Any]
    labels: Ints


@dataclass(frozen=True)
class Raw:
    """A data set. Row i of `train` has id i; row j of `test` has id len(train) + j."""

    train: Part
    test: Part | None
    """None where there is no official test split; one is then held out of `train`."""
    class_names: tuple[str, ...]
    fingerprint: str


def fingerprint(labels: Iterable[Ints], inputs: Iterable[NDArray[Any]]) -> str:
    """sha256 over all labels (little-endian int64), then all decoded inputs, in the order of ids.

    Both come in pieces of any size; how they are cut does not matter.
    """
    digest = hashlib.sha256()
    for piece in labels:
        digest.update(np.ascontiguousarray(piece, dtype="<i8").tobytes())
    for images in inputs:
        digest.update(np.ascontiguousarray(images).tobytes())
    return digest.hexdigest()
