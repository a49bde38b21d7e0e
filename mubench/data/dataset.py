"""From a data card to splits on a device: opened, encoded, flipped. Only requested splits are read.

Each split gets tensors of its own, so that nothing reachable from one leads to another's examples.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from mubench.catalogue.features import features_of
from mubench.data.cache.decoded import SPLITS, StoredDataset, stored_dataset
from mubench.data.options import check_options
from mubench.data.sources.partition import Ints, hash_ids, hash_keys, hash_order
from mubench.data.split import Inputs, Source, Split, Transform, moved, select
from mubench.data.table_transform import TableTransform
from mubench.data.tokens import Encoded, EncodedSplit, TextTransform, encoded
from mubench.data.transforms import ImageTransform
from mubench.data.trigger import Trigger, stamped_rows
from mubench.errors import DataError, InputError, did_you_mean

RESIDENT_BYTES = 4 * 2**30
"""Inputs of a split that are larger stay on the host and are streamed to the device."""


@dataclass(frozen=True)
class Dataset:
    """The splits that were asked for (the others are None), and properties of all of them."""

    train: Split | None
    validation: Split | None
    test: Split | None
    num_classes: int
    input_shape: tuple[int, ...]
    """Shape of a model's inputs: (c, h, w), (length,) of texts, or (D,) of the rows of a table."""
    fingerprint: str
    """sha256 over the labels and inputs of the whole data set, before options."""
    class_names: tuple[str, ...]
    group_names: tuple[str, ...]
    split_hash: Mapping[str, str]
    """sha256 over the sorted ids of each of the three splits, loaded or not."""
    widths: tuple[int, ...] = ()
    """Of a table: how many of the D inputs each column became, in order."""


def load_dataset(
    card: Mapping[str, Any],
    options: Mapping[str, Any],
    splits: tuple[str, ...],
    device: torch.device | str,
    data_dir: Path | None = None,
    *,
    tokens: Mapping[str, Any] | None = None,
) -> Dataset:
    """Load the named splits of a data set onto a device.

    Args:
        card: the data card: sources, classes, input_shape, fingerprint, options, ...
        options: some of the card's options; the others keep the card's defaults. `flip_labels` is
            the share of D_tr whose labels are wrong, with `true_labels` beside them (held-out
            splits keep true labels, and get `noisy_labels` beside them); `trigger` stamps a share
            of D_tr, which gets the label that it stands for; `train_size` keeps that
            many of D_tr, `holdout_size` at most that many of D_val and of D_te.
        splits: some of `train`, `validation`, `test`.
        device: where the tensors will live.
        data_dir: folder of data sets; without it the environment's MUBENCH_DATA.
        tokens: how a text model wants its texts; see `mubench.data.tokens`.

    Raises:
        InputError: an unknown split or option, or an impossible value of one.
        DataError: the data are missing, damaged, or not those that the card declares; or all
            examples of a class are twins that are left out.
    """
    for name in splits:
        if name not in SPLITS:
            raise InputError(f"split {name}: unknown; {did_you_mean(name, SPLITS)}")
    settings = check_options(card, options, f"dataset {card['name']}")
    device = torch.device(device)
    whole = stored_dataset(card, data_dir)
    arrays, transform, shape = _prepared(card, whole, settings, tokens, device)
    chosen = {name: _Chosen.all_of(split) for name, split in arrays.items()}
    chosen["train"] = _with_twins(settings, chosen["train"], arrays)
    _require_classes(chosen["train"], arrays["train"], whole)
    classes = len(whole.class_names)
    chosen["train"] = _with_options(settings, chosen["train"], card["name"], classes)
    for name in ("validation", "test"):
        held_out = chosen[name].first(settings.get("holdout_size"), card["name"], "holdout_size")
        chosen[name] = held_out.with_noise(settings, card["name"], classes)
    trigger = _trigger(settings, transform)
    loaded = {
        name: Split.whole(_source(chosen[name], transform, trigger, device)) for name in splits
    }
    return Dataset(
        train=loaded.get("train"),
        validation=loaded.get("validation"),
        test=loaded.get("test"),
        num_classes=classes,
        input_shape=shape,
        fingerprint=whole.fingerprint,
        class_names=whole.class_names,
        group_names=whole.group_names,
        split_hash={name: hash_ids(chosen[name].ids) for name in SPLITS},
        widths=tuple(feature.width for feature in features_of(card)),
    )


def flip_labels(labels: Ints, ids: Ints, share: float, num_classes: int, dataset: str) -> Ints:
    """Labels (n,) of which round(share * n) are changed to another class, uniformly.

    Which labels change, and to which class, depends on the ids and the data set's name alone; a
    larger share changes a superset.
    """
    flipped = hash_order(ids, dataset, "flip_labels")[: round(share * len(ids))]
    keys = hash_keys(ids[flipped], dataset, "flip_labels", "to")
    distance = 1 + (keys % np.uint64(num_classes - 1)).astype(np.int64)
    noisy = labels.copy()
    noisy[flipped] = (labels[flipped] + distance) % num_classes
    return noisy


def _prepared(
    card: Mapping[str, Any],
    whole: StoredDataset,
    settings: Mapping[str, Any],
    tokens: Mapping[str, Any] | None,
    device: torch.device,
) -> tuple[Mapping[str, EncodedSplit], Transform, tuple[int, ...]]:
    """The splits as arrays, how they become a model's inputs, and the shape of one of these."""
    if card["modality"] == "text":
        if tokens is None:
            raise InputError(f"dataset {card['name']}: texts need a model that says its `tokens`")
        texts = encoded(card["name"], whole, tokens, settings)
        return texts, TextTransform(tokens["length"]), (tokens["length"],)
    arrays = {name: EncodedSplit.of_arrays(split) for name, split in whole.splits.items()}
    if card["modality"] == "table":
        table = TableTransform.of(features_of(card), whole.mean, whole.std, device)
        return arrays, table, (table.width,)
    stated = {"mean": whole.mean, "std": whole.std, "max_value": 255, **card}
    return arrays, ImageTransform.of(stated, device), tuple(card["input_shape"])


class _Chosen(NamedTuple):
    """Examples of a split: their `rows` among its inputs (None: all), and what is known of each."""

    inputs: Encoded
    rows: Ints | None
    labels: Ints
    ids: Ints
    groups: Ints | None
    units: Ints | None = None
    """(n,): examples with one number are forgotten together."""
    noisy_labels: Ints | None = None
    true_labels: Ints | None = None
    stamped: Ints | None = None

    @classmethod
    def all_of(cls, split: EncodedSplit) -> "_Chosen":
        return cls(split.inputs, None, split.labels, split.ids, split.groups)

    def first(self, size: int | None, *names: str) -> "_Chosen":
        """The first `size` of them by hash, or all if there are fewer."""
        if size is None or size >= len(self.ids):
            return self
        return self.at(np.sort(hash_order(self.ids, *names)[:size]))

    def at(self, positions: Ints) -> "_Chosen":
        """Those at ascending positions (m,)."""
        rows = positions if self.rows is None else self.rows[positions]
        chosen = (None if each is None else each[positions] for each in self[2:])
        return _Chosen(self.inputs, rows, *chosen)  # type: ignore[arg-type]

    def with_noise(self, settings: Mapping[str, Any], dataset: str, num_classes: int) -> "_Chosen":
        """Held-out examples with the labels that they would have in D_tr, if those are flipped."""
        share = settings.get("flip_labels", 0.0)
        if not share:
            return self
        noisy = flip_labels(self.labels, self.ids, share, num_classes, dataset)
        return self._replace(noisy_labels=noisy)


def _with_twins(
    settings: Mapping[str, Any], train: _Chosen, splits: Mapping[str, EncodedSplit]
) -> _Chosen:
    """D_tr without the twins that are to be dropped, or with those in units that stay together.

    An example of D_tr that has a twin in a held-out split is dropped in both cases.
    """
    for option, kind in (("near_duplicates", "near"), ("duplicates", "twins")):
        treatment, first = settings.get(option, "keep"), getattr(splits["train"], kind)
        if treatment == "keep" or first is None:
            continue
        if train.rows is not None:
            first = first[train.rows]
        held_out = [getattr(split, kind) for name, split in splits.items() if name != "train"]
        stays = ~np.isin(first, np.concatenate(held_out))
        if treatment == "drop":
            earliest = np.zeros(len(first), bool)
            earliest[np.unique(first, return_index=True)[1]] = True
            stays &= earliest
        elif train.units is None:
            train = train._replace(units=first)
        train = train.at(np.flatnonzero(stays))
    return train


def _require_classes(train: _Chosen, before: EncodedSplit, whole: StoredDataset) -> None:
    """Refuse to leave out all examples of a class, as happens in tables of few columns."""
    lost = np.setdiff1d(before.labels, train.labels)
    if len(lost):
        raise DataError(
            f"without twins {len(train.labels)} of {len(before.labels)} training examples are left "
            f"and none of class '{whole.class_names[lost[0]]}'; say duplicates: keep"
        )


def _with_options(
    settings: Mapping[str, Any], chosen: _Chosen, dataset: str, num_classes: int
) -> _Chosen:
    """D_tr after `train_size`, and `flip_labels` or `trigger`."""
    size = settings.get("train_size")
    if size is not None:
        if size > len(chosen.ids):
            raise InputError(
                f"dataset {dataset}: train_size {size} is more than the {len(chosen.ids)} "
                "training examples there are"
            )
        chosen = chosen.first(size, dataset, "train_size")
    share, labels = settings.get("flip_labels", 0.0), chosen.labels
    if settings.get("trigger"):
        share, to = settings["trigger"]["share"], settings["trigger"]["to"]
        stamped = stamped_rows(labels, chosen.ids, share, to, dataset)
        wrong = np.where(stamped, to, labels)
        return chosen._replace(labels=wrong, true_labels=labels, stamped=stamped)
    if not share:
        return chosen
    noisy = flip_labels(labels, chosen.ids, share, num_classes, dataset)
    return chosen._replace(labels=noisy, true_labels=labels)


def _trigger(settings: Mapping[str, Any], transform: Transform) -> Trigger | None:
    if not settings.get("trigger"):
        return None
    assert isinstance(transform, ImageTransform)
    inset = transform.spare - transform.spare // 2
    return Trigger(settings["trigger"]["to"], transform.max_value, inset)


def _source(
    chosen: _Chosen, transform: Transform, trigger: Trigger | None, device: torch.device
) -> Source:
    """Inputs on the device if they fit, else mapped on the host; on a CPU mapped ones stay so."""
    inputs = _tensors(chosen.inputs)
    rows = None if chosen.rows is None else torch.from_numpy(chosen.rows)
    count = len(chosen.ids)
    fits = _bytes(inputs) / max(1, _length(inputs)) * count <= RESIDENT_BYTES
    if fits and device.type != "cpu":
        inputs = moved(inputs if rows is None else select(inputs, rows), device)
        rows = None
    return Source(
        inputs=inputs,
        labels=torch.tensor(chosen.labels, device=device),
        ids=torch.tensor(chosen.ids, device=device),
        transform=transform,
        **{name: _column(getattr(chosen, name), device) for name in _MORE},
        trigger=trigger,
        rows=rows,
        is_streamed=not fits,
    )


_MORE = ("groups", "units", "noisy_labels", "true_labels", "stamped")
"""What is known of each example of some data sets alone."""


def _column(values: Ints | None, device: torch.device) -> torch.Tensor | None:
    return None if values is None else torch.tensor(values, device=device)


def _tensors(inputs: Encoded) -> Inputs:
    if isinstance(inputs, dict):
        return {name: torch.from_numpy(values) for name, values in inputs.items()}
    return torch.from_numpy(inputs)


def _bytes(inputs: Inputs) -> int:
    values = inputs.values() if isinstance(inputs, dict) else [inputs]
    return sum(value.nbytes for value in values)


def _length(inputs: Inputs) -> int:
    return len(next(iter(inputs.values())) if isinstance(inputs, dict) else inputs)
