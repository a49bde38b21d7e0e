"""Examples that are there twice: exactly, or nearly.

A twin in D_r keeps what D_f should lose, and one in a held-out split is no held-out example: every
accuracy and attack on them means something else. So twins are found when data are decoded.
"""

import hashlib
import unicodedata
from typing import NamedTuple, cast
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from mubench.data.cache.perceptual import alike, small_pictures
from mubench.data.sources.partition import Ints
from mubench.data.sources.raw import Piece

SIMILAR = 0.85
"""Jaccard similarity of their sets of five-word shingles from which texts are near twins."""
SHINGLE, PERMUTATIONS = 5, 64


class Twins(NamedTuple):
    """For each example (n,), in the order of ids, the first example that it is a twin of.

    An example without a twin, and the first of several, names itself.
    """

    exact: Ints
    near: Ints
    """Exact ones included."""
    is_blank: NDArray[np.bool_]
    """(n,): a text without a letter, an image of one colour, a row without a value."""


class TwinFinder:
    """Takes all inputs of a data set in the order of ids, piece by piece."""

    def __init__(self) -> None:
        self._contents: list[bytes] = []
        self._blank: list[bool] = []
        self._small: list[NDArray[np.float32]] = []
        self._texts: list[str] = []
        self._rounded: list[bytes] = []

    def update(self, piece: Piece) -> None:
        """Add examples."""
        if isinstance(piece, list):
            texts = [_normal(text) for text in piece]
            self._texts += texts
            self._contents += [_digest(text.encode()) for text in texts]
            self._blank += [not text for text in texts]
            return
        if piece.dtype == np.float64:
            # Near twins of a table are equal as float32: what one program wrote with fewer digits.
            self._contents += [_digest((row + 0.0).tobytes()) for row in piece]  # -0 is 0
            self._rounded += [_digest((row + 0.0).tobytes()) for row in piece.astype(np.float32)]
            self._blank += [bool(row.all()) for row in np.isnan(piece)]
            return
        self._small.append(small_pictures(cast("NDArray[np.uint8]", piece)))
        self._contents += [_digest(image.tobytes()) for image in piece]
        flat = piece.reshape(*piece.shape[:2], -1)
        self._blank += (flat == flat[:, :, :1]).all((1, 2)).tolist()

    def twins(self) -> Twins:
        """What was found among all of them."""
        _, first, place = np.unique(
            np.array(self._contents), return_index=True, return_inverse=True
        )
        exact = first[place].astype(np.int64)
        blank = np.array(self._blank, dtype=bool)
        pairs = self._near_pairs(np.flatnonzero(~blank & (exact == np.arange(len(exact)))))
        linked = np.concatenate([pairs, np.stack([np.arange(len(exact)), exact], 1)])
        return Twins(exact, _first_of_each(linked, len(exact)), blank)

    def _near_pairs(self, rows: Ints) -> Ints:
        """Pairs (m, 2) among examples that are neither blank nor exact twins of earlier ones."""
        if self._rounded:
            return rows[_equal([self._rounded[row] for row in rows])]
        if self._texts:
            return rows[_similar([self._texts[row] for row in rows])]
        return rows[alike(np.concatenate(self._small)[rows])]


def _first_of_each(pairs: Ints, count: int) -> Ints:
    """The smallest row of each group of linked rows."""
    from scipy.sparse import coo_array  # here: what only plans needs no scipy
    from scipy.sparse.csgraph import connected_components

    links = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count, count))
    groups, group = connected_components(links, directed=False)
    first = np.full(groups, count, np.int64)
    np.minimum.at(first, group, np.arange(count))
    rows: Ints = first[group]
    return rows


def _equal(contents: list[bytes]) -> Ints:
    """Pairs (m, 2): the first of equal contents, and each other."""
    _, first, place = np.unique(np.array(contents), return_index=True, return_inverse=True)
    pairs = np.stack([first[place], np.arange(len(contents))], 1)
    return pairs[pairs[:, 0] < pairs[:, 1]].astype(np.int64)


def _similar(texts: list[str]) -> Ints:
    """Pairs (m, 2) of similar texts, by MinHash (Broder 1997) and bands."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=SIMILAR, num_perm=PERMUTATIONS)
    pairs = []
    shingles = [_shingles(text) for text in texts]
    for row, each in enumerate(MinHash.generator(shingles, num_perm=PERMUTATIONS, hashfunc=crc32)):
        for other in index.query(each):
            shared = len(set(shingles[row]) & set(shingles[other]))
            union = len(set(shingles[row]) | set(shingles[other]))
            if shared >= SIMILAR * union:
                pairs.append((other, row))
        index.insert(row, each)
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _shingles(text: str) -> list[bytes]:
    words = text.split()
    most = max(1, len(words) - SHINGLE + 1)
    return [" ".join(words[i : i + SHINGLE]).encode() for i in range(most)]


def _normal(text: str) -> str:
    """Without case, and with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
