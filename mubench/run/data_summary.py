"""What a data set holds, to be looked at: counts, examples of each class, groups of twins."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mubench.catalogue.card_schema import DataCard
from mubench.data.cache.decoded import StoredDataset, stored_dataset
from mubench.data.cache.hygiene import findings
from mubench.data.sources.partition import Ints
from mubench.run.examples import medium

OF_CLASS, CLASSES_SHOWN, GROUPS_SHOWN, OF_GROUP = 8, 100, 60, 6
"""How many are shown: examples of a class, classes with examples, groups of twins, members."""


@dataclass(frozen=True)
class ShownExample:
    """An example with its picture or text."""

    id: int
    split: str
    label: str
    medium: str
    """A `data:image/png` URI, or text."""


@dataclass(frozen=True)
class ClassSummary:
    """A class, its number of examples in each split, and some of D_tr."""

    number: int
    name: str
    counts: Mapping[str, int]
    examples: tuple[ShownExample, ...]


@dataclass(frozen=True)
class DataSummary:
    """A data set as it is divided and decoded."""

    name: str
    title: str
    is_text: bool
    """Whether examples are shown in words: texts, and rows of tables."""
    fingerprint: str
    findings: tuple[str, ...]
    sizes: Mapping[str, int]
    classes: tuple[ClassSummary, ...]
    twins: tuple[tuple[ShownExample, ...], ...]
    """Groups of exact or near twins, the largest first."""
    groups_of_twins: int


def summarise(
    card: DataCard, options: Mapping[str, Any], data_dir: str | None = None
) -> DataSummary:
    """Decode a data set where it is not, and look at it. `options` say what is done with twins.

    Raises:
        DataError: its files are missing, damaged, or not those that the card declares.
    """
    dataset = stored_dataset(card.card, data_dir)
    settings = {**card.options, **options}
    view = _View(card, settings, dataset)
    groups = _groups_of_twins(dataset)
    return DataSummary(
        name=card.name,
        title=card.title,
        is_text=card.modality != "image",
        fingerprint=dataset.fingerprint,
        findings=(*card.found, *findings(dataset, settings)),
        sizes={name: len(split.ids) for name, split in dataset.splits.items()},
        classes=tuple(_classes(view)),
        twins=tuple(view.shown(group[:OF_GROUP]) for group in groups[:GROUPS_SHOWN]),
        groups_of_twins=len(groups),
    )


@dataclass(frozen=True)
class _View:
    card: DataCard
    settings: Mapping[str, Any]
    dataset: StoredDataset

    def shown(self, ids: Ints) -> tuple[ShownExample, ...]:
        return tuple(self._one(int(each)) for each in ids)

    def _one(self, wanted: int) -> ShownExample:
        for name, split in self.dataset.splits.items():
            row = int(np.searchsorted(split.ids, wanted))
            if row < len(split.ids) and split.ids[row] == wanted:
                label = self.dataset.class_names[split.labels[row]]
                picture = medium(self.card.card, self.settings, split, row)
                return ShownExample(wanted, name, label, picture)
        raise KeyError(wanted)


def _classes(view: _View) -> Iterator[ClassSummary]:
    splits = view.dataset.splits
    size = len(view.dataset.class_names)
    counts = {name: np.bincount(split.labels, minlength=size) for name, split in splits.items()}
    train = splits["train"]
    for number, name in enumerate(view.dataset.class_names):
        some = train.ids[train.labels == number][:OF_CLASS] if number < CLASSES_SHOWN else []
        of_class = {split: int(each[number]) for split, each in counts.items()}
        yield ClassSummary(number, name, of_class, view.shown(np.array(some)))


def _groups_of_twins(dataset: StoredDataset) -> list[Ints]:
    """Ids of the members of each group, exact or near, the largest group first."""
    splits = [split for split in dataset.splits.values() if split.near is not None]
    if not splits:
        return []
    ids = np.concatenate([split.ids for split in splits])
    first = np.concatenate([split.near for split in splits if split.near is not None])
    order = np.lexsort((ids, first))
    _, starts, counts = np.unique(first[order], return_index=True, return_counts=True)
    found = [
        ids[order[start : start + count]]
        for start, count in zip(starts, counts, strict=True)
        if count > 1
    ]
    return sorted(found, key=lambda group: (-len(group), int(group[0])))
