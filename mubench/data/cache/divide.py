"""Train, validation and test: which examples of a source each of them has."""

from typing import NamedTuple

import numpy as np

from mubench.data.partition import Ints, partition
from mubench.data.sources.raw import Part, Raw


class Rows(NamedTuple):
    """Examples of one split: ascending `positions` in `part`, and what is known of each (n,)."""

    part: Part
    positions: Ints
    ids: Ints
    labels: Ints
    groups: Ints | None


def divide(raw: Raw) -> dict[str, Rows]:
    """The three splits: disjoint, fixed by hashes of the ids, together all examples."""
    train, test = raw.train, raw.test
    ids = np.arange(len(train.labels))
    splits = {
        name: _rows(train, positions, first=0)
        for name, positions in partition(train.labels, ids, has_test=test is not None).items()
    }
    if test is not None:
        splits["test"] = _rows(test, np.arange(len(test.labels)), first=len(ids))
    return splits


def _rows(part: Part, positions: Ints, first: int) -> Rows:
    groups = None if part.groups is None else part.groups[positions]
    return Rows(part, positions, first + positions, part.labels[positions], groups)
