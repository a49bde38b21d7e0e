"""From a data card to splits on a device: read, verify, divide, flip, copy. Only what is asked for.

Each split gets tensors of its own, so that nothing reachable from one leads to another's examples.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mubench.data.partition import Ints, hash_ids, hash_keys, hash_order, partition
from mubench.data.raw import Part, Raw
from mubench.data.split import Source, Split
from mubench.data.transforms import ImageTransform
from mubench.errors import DataError, InputError, did_you_mean
from mubench.options import check_options

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Dataset:
    """The splits that were asked for (the others are None), and what is true of all of them."""

    train: Split | None
    validation: Split | None
    test: Split | None
    num_classes: int
    input_shape: tuple[int, ...]
    fingerprint: str
    """sha256 over the labels and inputs of the whole data set, before options."""
    class_names: tuple[str, ...]
    split_hash: Mapping[str, str]
    """sha256 over the sorted ids of each of the three splits, loaded or not."""


class Rows(NamedTuple):
    """Examples of one split: ascending `positions` in `part`, their `ids` and `labels` (n,)."""

    part: Part
    positions: Ints
    ids: Ints
    labels: Ints


def load(
    card: Mapping[str, Any],
    options: Mapping[str, Any],
    splits: tuple[str, ...],
    device: torch.device | str,
    data_dir: Path | None = None,
) -> Dataset:
    """Load the named splits of a data set onto a device.

    Args:
        card: the data card: source, classes, input_shape, fingerprint, options, ...
        options: some of the card's options; the others keep the card's defaults. `flip_labels` is
            the share of D_tr whose labels are wrong; `train_size` keeps that many of D_tr.
        splits: some of `train`, `validation`, `test`.
        device: where the tensors will live.
        data_dir: folder of data sets; without it the environment's MUBENCH_DATA.

    Raises:
        InputError: an unknown split or option, or an impossible value of one.
        DataError: the data are missing, damaged, or not those that the card declares.
    """
    for name in splits:
        if name not in SPLITS:
            raise InputError(f"split {name}: unknown; {did_you_mean(name, SPLITS)}")
    settings = check_options(card, options, f"dataset {card['name']}")
    raw: Raw = import_module(card["module"]).read(card, data_dir)
    _verify(card, raw)
    rows = dict(_divide(raw))
    rows["train"] = _apply(settings, rows["train"], card["name"], len(raw.class_names))
    transform = ImageTransform.of(card, device)
    loaded = {name: Split.whole(_source(rows[name], transform, device)) for name in splits}
    return Dataset(
        train=loaded.get("train"),
        validation=loaded.get("validation"),
        test=loaded.get("test"),
        num_classes=len(raw.class_names),
        input_shape=tuple(card["input_shape"]),
        fingerprint=raw.fingerprint,
        class_names=raw.class_names,
        split_hash={name: hash_ids(rows[name].ids) for name in SPLITS},
    )


def flip_labels(labels: Ints, ids: Ints, share: float, num_classes: int, dataset: str) -> Ints:
    """Labels (n,) of which round(share * n) are changed to another class, uniformly.

    Which and to what depends on the ids and the data set's name; a larger share flips a superset.
    """
    flipped = hash_order(ids, dataset, "flip_labels")[: round(share * len(ids))]
    keys = hash_keys(ids[flipped], dataset, "flip_labels", "to")
    distance = 1 + (keys % np.uint64(num_classes - 1)).astype(np.int64)
    noisy = labels.copy()
    noisy[flipped] = (labels[flipped] + distance) % num_classes
    return noisy


def _verify(card: Mapping[str, Any], raw: Raw) -> None:
    expected = card.get("fingerprint")
    if expected is not None and raw.fingerprint != expected:
        raise DataError(
            f"dataset {card['name']}: these are not the declared examples: "
            f"expected fingerprint {expected}, found {raw.fingerprint}"
        )


def _divide(raw: Raw) -> Iterator[tuple[str, Rows]]:
    train, test = raw.train, raw.test
    ids = np.arange(len(train.labels))
    for name, held in partition(train.labels, ids, has_test=test is not None).items():
        yield name, Rows(train, held, ids[held], train.labels[held])
    if test is not None:
        positions = np.arange(len(test.labels))
        yield "test", Rows(test, positions, len(train.labels) + positions, test.labels)


def _apply(settings: Mapping[str, Any], rows: Rows, dataset: str, num_classes: int) -> Rows:
    size = settings.get("train_size")
    if size is not None:
        if size > len(rows.ids):
            raise InputError(
                f"dataset {dataset}: train_size {size} is more than the {len(rows.ids)} "
                "training examples there are"
            )
        kept = np.sort(hash_order(rows.ids, dataset, "train_size")[:size])
        rows = Rows(rows.part, rows.positions[kept], rows.ids[kept], rows.labels[kept])
    share = settings.get("flip_labels", 0.0)
    return rows._replace(labels=flip_labels(rows.labels, rows.ids, share, num_classes, dataset))


def _source(rows: Rows, transform: ImageTransform, device: torch.device | str) -> Source:
    # Indexing by an array copies: the split holds its own examples and no view of the file.
    inputs = np.asarray(rows.part.inputs)[rows.positions]
    return Source(
        inputs=torch.from_numpy(inputs).to(device),
        labels=torch.tensor(rows.labels, device=device),
        ids=torch.tensor(rows.ids, device=device),
        transform=transform,
    )
