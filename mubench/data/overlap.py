"""Examples that two sets of the user share: forgotten and retained at once is a mistake."""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from itertools import combinations, islice
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
)

from mubench.data.user_batches import Pair, sampler_of
from mubench.errors import InputError, plural

_SHOWN = 3
"""Positions that a message names."""


def require_disjoint_subsets(sets: Mapping[Any, Any]) -> None:
    """Refuse two parts of one Dataset that share indices, before anything is read.

    Raises:
        InputError: how many examples they share, the first of them, and how to go on.
    """
    parts = {name: part for name, data in sets.items() if (part := _part_of(data)) is not None}
    for (one, (dataset, rows)), (other, (other_dataset, others)) in combinations(parts.items(), 2):
        shared = sorted(set(rows) & set(others)) if dataset is other_dataset else []
        if shared:
            what = f"of one {type(dataset).__name__}: indices {_first(shared)}"
            raise _refusal(one, other, len(shared), what)


def require_disjoint(sets: Mapping[Any, Pair]) -> None:
    """Refuse two sets that share examples with equal inputs and label.

    Raises:
        InputError: how many examples they share, the first of them, and how to go on.
    """
    digests = {name: _digests(pair) for name, pair in sets.items()}
    for (one, rows), (other, others) in combinations(digests.items(), 2):
        known = set(others)
        shared = [position for position, digest in enumerate(rows) if digest in known]
        if shared:
            places = [others.index(rows[position]) for position in shared[:_SHOWN]]
            what = (
                f"with equal inputs and label: positions {_first(shared)} of {one} are "
                f"{_first(places)}{', ...' if len(shared) > _SHOWN else ''} of {other}"
            )
            raise _refusal(one, other, len(shared), what)


def require_no_repeats(data: Any, name: str, pair: Pair) -> None:
    """Refuse a loader whose workers each read the whole of an IterableDataset.

    Raises:
        InputError: every example came from each of the workers.
    """
    if isinstance(data, DataLoader) and isinstance(data.dataset, IterableDataset):
        times = data.num_workers
        if times > 1 and all(n % times == 0 for n in Counter(_digests(pair)).values()):
            raise InputError(
                f"{name}: every example came {times} times: each of the {times} workers reads all "
                "of the IterableDataset; give num_workers=0, or divide it by get_worker_info()"
            )


def _part_of(data: Any) -> tuple[Dataset[Any], Sequence[int]] | None:
    """The Dataset below all Subsets, and the rows of it; None where they are not known."""
    if isinstance(data, DataLoader):
        sampler = sampler_of(data)
        below = _part_of(data.dataset)
        if below is None or type(sampler) in (SequentialSampler, RandomSampler):
            return below
        if type(sampler) is SubsetRandomSampler:
            return below[0], [below[1][int(row)] for row in sampler.indices]
        return None
    if isinstance(data, Subset):
        dataset: Any = data.dataset  # or a list, a data set of another library
        below = _part_of(dataset) or (dataset, range(len(dataset)))
        return below[0], [below[1][int(row)] for row in data.indices]
    if isinstance(data, Dataset) and hasattr(data, "__len__"):
        return data, range(len(data))
    return None


def _digests(pair: Pair) -> list[bytes]:
    """A hash of the label and all inputs of each example."""
    inputs, labels = pair
    columns = [inputs[key] for key in sorted(inputs)] if isinstance(inputs, dict) else [inputs]
    rows = zip(*(_bytes(column) for column in (labels, *columns)), strict=True)
    return [_digest(parts) for parts in rows]


def _bytes(values: Tensor) -> Any:
    """(n, bytes) uint8 on the host."""
    is_short = values.dtype in (torch.int16, torch.int32)  # equal numbers, equal bytes
    flat = (values.long() if is_short else values).cpu().reshape(len(values), -1).contiguous()
    return flat.view(torch.uint8).numpy()


def _digest(parts: Sequence[Any]) -> bytes:
    made = blake2b(digest_size=16)
    for part in parts:
        made.update(part)
    return made.digest()


def _first(positions: Sequence[int]) -> str:
    more = ", ..." if len(positions) > _SHOWN else ""
    return ", ".join(map(str, islice(positions, _SHOWN))) + more


def _refusal(one: str, other: str, count: int, what: str) -> InputError:
    return InputError(
        f"{one} and {other} share {plural(count, 'example')} {what}; take them out of {other}, "
        "or give duplicates='keep' if the data really hold them twice"
    )
