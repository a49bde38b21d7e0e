"""Tensors, data sets and loaders of the user's own code as splits."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mubench.data.split import Inputs, Source, Split
from mubench.errors import InputError

UserData = tuple[Inputs, Tensor] | Dataset[Any] | DataLoader[Any]
"""`(inputs, labels)`, or a torch Dataset or DataLoader of such pairs."""


def as_is(inputs: Inputs, generator: torch.Generator | None) -> Inputs:
    """A transform that changes nothing: the user's data are ready for the user's model."""
    del generator
    return inputs


Name = TypeVar("Name", bound=str)


def to_splits(device: torch.device, sets: Mapping[Name, UserData | None]) -> dict[Name, Split]:
    """Splits on `device`, by name; every example of all of them has an id of its own.

    Raises:
        InputError: as `to_split` does.
    """
    splits: dict[Name, Split] = {}
    for name, data in sets.items():
        if data is not None:
            splits[name] = to_split(data, name, device, sum(map(len, splits.values())))
    return splits


def to_split(data: UserData, name: str, device: torch.device, first_id: int) -> Split:
    """A split on `device` with ids from `first_id` on.

    Raises:
        InputError: not data, empty, or labels that are not one whole number per example.
    """
    inputs, labels = _tensors(data, name)
    if labels.ndim != 1 or labels.is_floating_point() or not len(labels):
        raise InputError(
            f"{name}: labels must be whole numbers of shape (n,), n > 0; got {tuple(labels.shape)}"
        )
    sizes = {len(value) for value in _values(inputs)}
    if sizes != {len(labels)}:
        raise InputError(f"{name}: {len(labels)} labels, but inputs of length {sorted(sizes)}")
    moved = (
        {key: value.to(device) for key, value in inputs.items()}
        if isinstance(inputs, dict)
        else inputs.to(device)
    )
    ids = torch.arange(first_id, first_id + len(labels), device=device)
    return Split.whole(Source(moved, labels.long().to(device), ids, as_is))


def _tensors(data: UserData, name: str) -> tuple[Inputs, Tensor]:
    if isinstance(data, tuple | list) and len(data) == 2 and isinstance(data[1], Tensor):
        return data[0], data[1]
    if isinstance(data, DataLoader):
        return _joined(data, name)
    if isinstance(data, Dataset):
        return _joined(DataLoader(data, batch_size=256), name)
    raise InputError(
        f"{name}: give (inputs, labels), a torch Dataset or a DataLoader; got {type(data).__name__}"
    )


def _joined(batches: Iterable[Any], name: str) -> tuple[Inputs, Tensor]:
    pairs = [(inputs, labels) for inputs, labels in batches]
    if not pairs:
        raise InputError(f"{name}: no examples")
    labels = torch.cat([labels for _, labels in pairs])
    if isinstance(pairs[0][0], dict):
        names = pairs[0][0].keys()
        return {key: torch.cat([inputs[key] for inputs, _ in pairs]) for key in names}, labels
    return torch.cat([inputs for inputs, _ in pairs]), labels


def _values(inputs: Inputs) -> list[Tensor]:
    return list(inputs.values()) if isinstance(inputs, dict) else [inputs]
