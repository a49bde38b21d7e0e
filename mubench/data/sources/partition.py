"""Which example belongs to which split, decided by hashes of stable ids. No torch, no global seed.

An example's place depends on its id alone (and, where stratified, on its label), never on the
order in which examples are stored, the process, or the version of a random generator.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mubench.catalogue.seeds import derive_seed

Ints = NDArray[np.int64]

SPLIT_SEED = 1
"""The one seed of all splits, for every model, method and run."""
TEST_SHARE = 0.2
"""Share held out for testing where a data set has no official test split."""
VALIDATION_SHARE = 0.1
"""Share of the rest held out for validation."""


def hash_keys(ids: Ints, *names: str | int) -> NDArray[np.uint64]:
    """One uniform 64-bit number per id (n,): SplitMix64 of the id, keyed by the names.

    Distinct ids have distinct keys. (Steele, Lea and Flood, OOPSLA 2014, figure 16.)
    """
    key = np.uint64(derive_seed(*names))
    mixed = ids.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def hash_order(ids: Ints, *names: str | int) -> Ints:
    """Positions (n,) that put the ids into a random order given by the names."""
    return np.argsort(hash_keys(ids, *names)).astype(np.int64)


def hold_out(labels: Ints, ids: Ints, share: float, *names: str | int) -> tuple[Ints, Ints]:
    """Hold out `share` of every class: positions (held_out, rest), both ascending.

    Of a class with m examples round(share * m) are held out, but at least one of two or more.
    """
    order = hash_order(ids, *names)
    is_held_out = np.zeros(len(ids), dtype=bool)
    for label in np.unique(labels):
        members = order[labels[order] == label]
        count = max(round(share * len(members)), min(1, len(members) - 1))
        is_held_out[members[:count]] = True
    return np.flatnonzero(is_held_out), np.flatnonzero(~is_held_out)


def partition(
    labels: Ints, ids: Ints, *, has_test: bool, has_validation: bool = False
) -> dict[str, Ints]:
    """Ascending positions of `train`, and of `validation` and `test` unless there are such splits.

    Args:
        labels: (n,) of the official training split, or of everything where there is no test split.
        ids: (n,) stable ids.
        has_test: whether the data set has an official test split.
        has_validation: whether it has an official validation split.
    """
    splits: dict[str, Ints] = {}
    rest = np.arange(len(ids))
    if not has_test:
        splits["test"], rest = hold_out(labels, ids, TEST_SHARE, "test", SPLIT_SEED)
    if has_validation:
        return {"train": rest, **splits}
    held_out, kept = hold_out(labels[rest], ids[rest], VALIDATION_SHARE, "validation", SPLIT_SEED)
    return {"train": rest[kept], "validation": rest[held_out], **splits}


def hash_ids(ids: Ints | Iterable[int]) -> str:
    """sha256 over the sorted ids as little-endian int64: the name of a set of examples.

    >>> hash_ids([2, 1]) == hash_ids([1, 2]) != hash_ids([1, 3])
    True
    """
    return hashlib.sha256(np.sort(np.asarray(ids, dtype="<i8")).tobytes()).hexdigest()
