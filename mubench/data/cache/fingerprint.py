"""What data are, as two hashes: in their order, which ids and splits follow; and in any order.

The same data set comes in orders of its own from each of its sources, and from each who repacks it.
A card says which examples it means; content ids say in which order they came.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

from mubench.data.sources.partition import Ints
from mubench.data.sources.raw import Part, Piece, Raw, input_bytes, label_bytes

_MODULUS = 2**256


class Digest:
    """Takes all inputs of a data set in the order of ids, piece by piece."""

    def __init__(self, raw: Raw) -> None:
        self._ordered = hashlib.sha256()
        self._sum = 0
        for part in raw.parts:
            self._ordered.update(label_bytes(part.labels))
            self._ordered.update(b"" if part.groups is None else label_bytes(part.groups))

    def update(self, part: Part, name: bytes, piece: Piece, start: int) -> None:
        """Add a piece of a part; `start` is the number of its first example in the part."""
        self._ordered.update(input_bytes(piece))
        rows = np.arange(start, min(start + len(piece), len(part.labels)))
        for about, content in zip(_about(part, rows), _each(piece), strict=False):
            one = hashlib.sha256(name + about + content).digest()
            self._sum = (self._sum + int.from_bytes(one, "big")) % _MODULUS

    @property
    def fingerprint(self) -> str:
        """sha256 in the order of ids; see `raw.fingerprint`."""
        return self._ordered.hexdigest()

    @property
    def examples(self) -> str:
        """The sum of each example's sha256 (official split, label, group, input), in any order."""
        return f"{self._sum:064x}"


def _about(part: Part, rows: Ints) -> Iterator[bytes]:
    """Label and group of each example."""
    for row in rows:
        group = b"" if part.groups is None else label_bytes(part.groups[row : row + 1])
        yield label_bytes(part.labels[row : row + 1]) + group


def _each(piece: Piece) -> Iterator[bytes]:
    for example in piece:
        yield example.encode() if isinstance(example, str) else example.tobytes()
