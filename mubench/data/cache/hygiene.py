"""What twins and blank examples of a decoded data set mean, in sentences, and for one request."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from mubench.data.cache.decoded import StoredDataset, StoredSplit
from mubench.data.sources.partition import Ints
from mubench.errors import plural

TREATMENT = {
    "drop": "left out of training",
    "together": "forgotten together; those with a twin held out are left out of training",
    "keep": "kept",
}


class Crossing(NamedTuple):
    """Examples of D_f with a twin in D_r: exact ones, and exact or near ones."""

    exact: int
    near: int


def findings(dataset: StoredDataset, options: Mapping[str, Any]) -> Iterator[str]:
    """Sentences without a full stop on what was found; none where nothing was looked for.

    `options` are those of the data set, with what is done with twins.
    """
    train = dataset.splits["train"]
    if train.twins is None or train.near is None:
        return
    held_out = [split for name, split in dataset.splits.items() if name != "train"]
    exact, near = (_counted(train, held_out, kind) for kind in ("twins", "near"))
    if not any(near):
        yield "no twins: no training example is there twice, or held out, or looks as if it were"
    if any(exact):
        yield (
            f"{exact[0]} of {plural(len(train.ids), 'training example')} repeat an earlier one, "
            f"{exact[1]} are held out too (exact twins): "
            f"{TREATMENT[options.get('duplicates', 'keep')]}"
        )
    more = [a - b for a, b in zip(near, exact, strict=True)]
    if any(more):
        yield (
            f"{more[0]} more nearly repeat an earlier one, {more[1]} more one held out (near "
            f"twins): {TREATMENT[options.get('near_duplicates', 'keep')]}"
        )
    if options.get("flip_labels"):
        yield f"{options['flip_labels']:g} of the training labels are made wrong (flip_labels)"
    if options.get("trigger"):
        trigger = options["trigger"]
        share, to = trigger["share"], trigger["to"]
        yield f"{share:g} of the training images get the trigger of class {to}"
    labels = _differently_labelled(dataset)
    if labels:
        yield f"{plural(labels, 'group')} of exact twins have different labels"
    for name, split in dataset.splits.items():
        blank = 0 if split.is_blank is None else int(split.is_blank.sum())
        if blank:
            yield f"{name}: {plural(blank, 'example')} without content (blank)"


def crossing(dataset: StoredDataset, forget: Ints, retain: Ints) -> Crossing | None:
    """How many examples of D_f have a twin in D_r, given the ids of both; None if unknown."""
    train = dataset.splits["train"]
    if train.twins is None or train.near is None:
        return None
    return Crossing(*(_shared(train.ids, of, forget, retain) for of in (train.twins, train.near)))


def _shared(ids: Ints, first: Ints, forget: Ints, retain: Ints) -> int:
    of_forget, of_retain = (first[np.isin(ids, part)] for part in (forget, retain))
    return int(np.isin(of_forget, of_retain).sum())


def _counted(train: StoredSplit, held_out: list[StoredSplit], kind: str) -> tuple[int, int]:
    """Examples of D_tr that repeat an earlier one of it, and those with a twin held out."""
    first: Ints = getattr(train, kind)
    others = np.concatenate([getattr(split, kind) for split in held_out])
    return len(first) - len(np.unique(first)), int(np.isin(first, others).sum())


def _differently_labelled(dataset: StoredDataset) -> int:
    splits = dataset.splits.values()
    first = np.concatenate([split.twins for split in splits if split.twins is not None])
    pairs = np.unique(np.stack([first, np.concatenate([split.labels for split in splits])]), axis=1)
    _, counts = np.unique(pairs[0], return_counts=True)
    return int((counts > 1).sum())
