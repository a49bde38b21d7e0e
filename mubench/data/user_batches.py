"""Examples and batches as people's code has them, as tensors: inputs and labels."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, DistributedSampler, IterableDataset

from mubench.data.split import Inputs
from mubench.errors import InputError

LABELS = ("labels", "label", "label_ids", "targets", "target", "y")
"""Names that the labels of a dict, or of a named tuple, may have."""

Pair = tuple[Inputs, Tensor]


def pairs_of(data: Any, name: str) -> Iterator[Pair]:
    """Inputs (b, ...) and labels (b,) or (b, 1), part by part, in the order of the data.

    Raises:
        InputError: not data, or parts that are not inputs and labels.
    """
    _require_no_frame(data, name)
    if _is_whole(data):
        yield _of_batch(data, name)
    elif isinstance(data, DataLoader):
        require_each_once(data, name)
        for batch in data:
            yield _of_batch(batch, name)
    elif isinstance(data, Dataset) or _is_sequence(data):
        # Not torch's own collate: it turns lists in examples, such as token ids, on their side.
        for examples in DataLoader(data, batch_size=256, collate_fn=list):
            yield _stacked([_of_example(example, name) for example in examples], name)
    elif isinstance(data, Iterable) and not isinstance(data, str | bytes | Tensor | np.ndarray):
        for batch in data:
            yield _of_batch(batch, name)
    else:
        raise InputError(
            f"{name}: give (inputs, labels), a torch Dataset or a DataLoader; "
            f"got {type(data).__name__}"
        )


def _require_no_frame(data: Any, name: str) -> None:
    """What has the looks of data, but whose meaning would be guessed."""
    if hasattr(data, "iloc"):
        raise InputError(
            f"{name}: a {type(data).__name__} of pandas; give (inputs, labels): "
            "frame.drop(columns='label').to_numpy() and frame['label'].to_numpy()"
        )
    labels = data[1] if isinstance(data, tuple) and len(data) == 2 else None
    if isinstance(labels, list | tuple) and labels and all(isinstance(v, str) for v in labels):
        raise InputError(f"{name}: labels are names; number the classes from 0")


def length_of(data: Any) -> int | None:
    """The number of examples, where that is known before they are read."""
    given: Any = data
    if isinstance(data, DataLoader):
        given = data.dataset if isinstance(data.dataset, IterableDataset) else sampler_of(data)
    is_sized = hasattr(given, "__len__") and not _is_whole(given)
    return len(given) if is_sized and not isinstance(given, IterableDataset) else None


def require_each_once(loader: DataLoader[Any], name: str) -> None:
    """Refuse a loader that leaves out examples, or draws some of them several times.

    Raises:
        InputError: it does.
    """
    batches: Any = loader.batch_sampler
    sampler = sampler_of(loader)
    kind = type(sampler).__name__
    if getattr(sampler, "replacement", False):
        raise InputError(
            f"{name}: {kind} draws with replacement, so that an example comes several times or "
            "never; give the loader's dataset in place of the loader"
        )
    if isinstance(sampler, DistributedSampler) and sampler.num_replicas > 1:
        raise InputError(
            f"{name}: {kind} gives one of {sampler.num_replicas} parts; "
            "give the loader's dataset in place of the loader"
        )
    if getattr(batches, "drop_last", False):
        is_sized = not isinstance(loader.dataset, IterableDataset)
        lost = len(sampler) % batches.batch_size if is_sized else "the last"
        if lost:
            raise InputError(
                f"{name}: drop_last=True leaves out {lost} of the examples; "
                "give a DataLoader with drop_last=False"
            )


def sampler_of(loader: DataLoader[Any]) -> Any:
    """What decides which examples come: that of the user's batch sampler, where there is one."""
    return getattr(loader.batch_sampler, "sampler", loader.sampler)


def _is_whole(data: Any) -> bool:
    """Whether this is all of the data at once: (inputs, labels), or a dict of columns."""
    if isinstance(data, Mapping):
        return True
    is_pair = isinstance(data, tuple | list) and len(data) == 2
    return is_pair and _is_labels(data[1])


def _is_labels(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(isinstance(each, Number) for each in value)
    return isinstance(value, Tensor) or hasattr(value, "__array__")


def _is_sequence(data: Any) -> bool:
    """Whether examples can be asked for by number: lists, data sets of other libraries."""
    no = (str, bytes, Mapping, Tensor, np.ndarray)
    return hasattr(data, "__len__") and hasattr(data, "__getitem__") and not isinstance(data, no)


def _of_batch(batch: Any, name: str) -> Pair:
    """A batch as a pair of tensors; one example alone becomes a batch of one."""
    given, given_labels = _divided(batch, name)
    labels = _tensor(given_labels, f"{name}: labels")
    if labels.ndim == 0:
        return _stacked([_of_example(batch, name)], name)
    if isinstance(given, Mapping):
        return {
            str(key): _column(value, len(labels), f"{name}: {key}") for key, value in given.items()
        }, labels
    return _column(given, len(labels), f"{name}: inputs"), labels


def _column(values: Any, count: int, where: str) -> Tensor:
    """Values of `count` examples; tensors must be one for each example.

    Torch's own collate makes a list of L tensors (b,) of b examples that are lists of L numbers:
    where L = b nothing tells it from b tensors (b,), one for each example.
    """
    if isinstance(values, tuple | list) and any(isinstance(each, Tensor) for each in values):
        shapes = {tuple(each.shape) for each in values if isinstance(each, Tensor)}
        if len(values) != count or (isinstance(values, list) and (count,) in shapes):
            raise InputError(
                f"{where} are {len(values)} tensors for {count} examples; give one tensor "
                "(lists in examples: turn them into tensors before the loader's collate)"
            )
    return _tensor(values, where)


def _of_example(example: Any, name: str) -> Pair:
    """Inputs (...) and label () or (1,) of one example."""
    given, given_label = _divided(example, name)
    label = _tensor(given_label, f"{name}: labels")
    if isinstance(given, Mapping):
        return {str(key): _tensor(value, f"{name}: {key}") for key, value in given.items()}, label
    return _tensor(given, f"{name}: inputs"), label


def _divided(batch: Any, name: str) -> tuple[Any, Any]:
    """Inputs, one or a dict of them, and labels."""
    fields = batch._asdict() if hasattr(batch, "_asdict") else batch
    if isinstance(fields, Mapping) and (fields is batch or any(key in fields for key in LABELS)):
        return _of_names(fields, name)
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    got = f"{len(batch)} parts" if isinstance(batch, tuple | list) else type(batch).__name__
    raise InputError(
        f"{name}: an example must be (inputs, label), or a dict with a key 'label'; got {got}"
    )


def _of_names(fields: Mapping[str, Any], name: str) -> tuple[Any, Any]:
    found = [key for key in LABELS if key in fields]
    if len(found) != 1:
        raise InputError(
            f"{name}: one key must be the label, such as 'label' or 'labels'; "
            f"keys: {', '.join(map(str, fields))}"
        )
    inputs = {key: value for key, value in fields.items() if key != found[0] and _is_input(value)}
    if not inputs:
        raise InputError(f"{name}: no inputs beside '{found[0]}'; keys: {', '.join(fields)}")
    return (next(iter(inputs.values())) if len(inputs) == 1 else inputs), fields[found[0]]


def _is_input(value: Any) -> bool:
    """Not what no model takes: texts, paths, nothing."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return value is not None and not isinstance(value, str | bytes)


def _stacked(pairs: Sequence[Pair], name: str) -> Pair:
    labels = _joined([label for _, label in pairs], f"{name}: labels", torch.stack)
    return columnwise([inputs for inputs, _ in pairs], f"{name}: inputs", torch.stack), labels


def columnwise(parts: Sequence[Inputs], where: str, join: Any) -> Inputs:
    """Tensors of all parts made one by `join`, or the tensors of each key.

    Raises:
        InputError: parts with other keys or shapes than the first.
    """
    first = parts[0]
    if not isinstance(first, dict):
        return _joined(parts, where, join)
    if any(not isinstance(part, dict) or part.keys() != first.keys() for part in parts):
        raise InputError(f"{where}: not every example has the keys {', '.join(first)}")
    return {key: _joined([part[key] for part in parts], where, join) for key in first}  # type: ignore[index]


def _joined(tensors: Sequence[Any], where: str, join: Any) -> Tensor:
    try:
        return torch.as_tensor(join(list(tensors)))
    except (RuntimeError, TypeError):
        shapes = sorted({str(tuple(getattr(each, "shape", ()))) for each in tensors})
        raise InputError(
            f"{where}: examples differ in shape: {', '.join(shapes[:4])}; resize or pad them to one"
        ) from None


def _tensor(value: Any, where: str) -> Tensor:
    """A tensor of a tensor, an array, a number, or a list of these; it may share memory."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, tuple | list) and any(isinstance(each, Tensor) for each in value):
        return _joined(value, where, torch.stack)
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        kind = type(value).__name__
        raise InputError(f"{where}: numbers are needed, as a tensor or an array; got {kind}")
    native = array.dtype.newbyteorder("=")
    return torch.from_numpy(np.require(array, native, ["C", "W"]))
