"""Tensors, data sets and loaders of the user's own code as splits."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset

from mubench.data.cache.progress_bar import watched
from mubench.data.overlap import require_disjoint, require_disjoint_subsets, require_no_repeats
from mubench.data.split import AsIs, Inputs, Source, Split
from mubench.data.user_batches import Pair, columnwise, length_of, pairs_of
from mubench.errors import InputError

UserData = Dataset[Any] | Iterable[Any]
"""`(inputs, labels)`, a torch Dataset, a DataLoader, or anything else that gives batches."""

Duplicates = Literal["refuse", "keep"]


Name = TypeVar("Name", bound=str)


def to_splits(
    device: torch.device,
    sets: Mapping[Name, UserData | None],
    dtype: torch.dtype | None = None,
    duplicates: Duplicates = "refuse",
) -> dict[Name, Split]:
    """Splits on `device`, by name; every example of all of them has an id of its own.

    Inputs that are fractions become `dtype`, that of the model; whole numbers stay.

    Raises:
        InputError: as `to_split` does; and for examples of one set in another, unless
            `duplicates` is "keep".
    """
    if duplicates not in ("refuse", "keep"):
        raise InputError(f"duplicates: 'refuse' or 'keep' is needed; got {duplicates!r}")
    given = {name: data for name, data in sets.items() if data is not None}
    if duplicates == "refuse":
        require_disjoint_subsets(given)
    pairs = {name: read(data, name, dtype) for name, data in given.items()}
    _require_one_kind(pairs)
    for name, data in given.items():
        require_no_repeats(data, name, pairs[name])
    if duplicates == "refuse":
        require_disjoint(pairs)
    splits: dict[Name, Split] = {}
    for name in given:
        splits[name] = _split(pairs.pop(name), device, sum(map(len, splits.values())))
    return splits


def read(data: UserData, name: str, dtype: torch.dtype | None) -> Pair:
    """All inputs (n, ...) and labels (n,) int64, in the order of the data.

    Raises:
        InputError: not data, empty, or labels that are not one whole number per example.
    """
    pairs = pairs_of(data, name)
    parts = list(watched(pairs, length_of(data), f"reading {name}", lambda pair: len(pair[1])))
    if not parts:
        raise InputError(f"{name}: no examples (a generator can be read only once)")
    labels = _classes([labels for _, labels in parts], name)
    inputs = columnwise([inputs for inputs, _ in parts], f"{name}: inputs", _concatenated)
    values = inputs.values() if isinstance(inputs, dict) else [inputs]
    sizes = {len(value) if value.ndim else 0 for value in values}
    if sizes != {len(labels)}:
        raise InputError(f"{name}: {len(labels)} labels, but inputs of length {sorted(sizes)}")
    for value in values:
        _require_numbers(value, name)
    if isinstance(inputs, dict):
        return {key: _cast(value, dtype) for key, value in inputs.items()}, labels
    return _cast(inputs, dtype), labels


def _classes(parts: list[Tensor], name: str) -> Tensor:
    """Labels as classes (n,) int64: from (n, 1) and truth values too."""
    shape = tuple(parts[0].shape)
    if len(shape) == 2 and shape[1] > 1:
        raise InputError(
            f"{name}: labels of shape {shape}: one class for each example is needed; "
            "of one-hot labels give labels.argmax(1)"
        )
    if any(part.is_floating_point() or part.is_complex() or part.ndim > 2 for part in parts):
        raise InputError(
            f"{name}: labels must be whole numbers of shape (n,); got {parts[0].dtype} {shape}"
        )
    labels = torch.cat([part.reshape(len(part)).long() for part in parts])
    if not len(labels):
        raise InputError(f"{name}: no examples")
    if int(labels.min()) < 0:
        raise InputError(
            f"{name}: labels from {int(labels.min())}; classes begin with 0: "
            "leave out examples without a label"
        )
    return labels


def _require_numbers(inputs: Tensor, name: str) -> None:
    if not inputs.is_floating_point() or not inputs.numel():
        return
    has_nan = inputs.isnan().reshape(len(inputs), -1).any(1)
    if has_nan.any():
        raise InputError(
            f"{name}: {int(has_nan.sum())} of {len(inputs)} examples have NaN, the first is "
            f"number {int(has_nan.nonzero()[0])}; mend them, or leave them out"
        )


def _concatenated(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _cast(values: Tensor, dtype: torch.dtype | None) -> Tensor:
    return values if dtype is None or not values.is_floating_point() else values.to(dtype)


def _require_one_kind(pairs: Mapping[Name, Pair]) -> None:
    kinds = {
        name: "keys " + ", ".join(sorted(inputs)) if isinstance(inputs, dict) else "a tensor"
        for name, (inputs, _) in pairs.items()
    }
    first = next(iter(kinds))
    for name, kind in kinds.items():
        if kind != kinds[first]:
            raise InputError(f"inputs of {first}: {kinds[first]}; of {name}: {kind}; give one kind")


def _split(pair: Pair, device: torch.device, first_id: int) -> Split:
    """A split on `device` with ids from `first_id` on."""
    inputs, labels = pair
    moved: Inputs = (
        {key: value.to(device) for key, value in inputs.items()}
        if isinstance(inputs, dict)
        else inputs.to(device)
    )
    ids = torch.arange(first_id, first_id + len(labels), device=device)
    return Split.whole(Source(moved, labels.to(device), ids, AsIs()))
