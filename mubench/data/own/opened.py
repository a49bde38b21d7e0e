"""A person's data opened: splits with labels and groups as numbers, classes, and what was found.

Labels are read, inputs are not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mubench.data.own.classes import MOST, Classes, Value, alike, classes_of, missing, plain
from mubench.data.own.columns import Chosen, choose
from mubench.data.own.contents import ImageList, Rows, Split, by_column, contents_of
from mubench.data.own.entry import OwnEntry
from mubench.data.sources.partition import Ints
from mubench.data.tables.formats import class_names
from mubench.data.tables.place import Place
from mubench.errors import DataError, plural

SMALLEST = 3
"""Examples that a class must have: one to train on, one to validate, one to test."""


@dataclass(frozen=True)
class OwnSplit:
    """The rows of a split that have a class, and what they are."""

    split: Split
    keep: NDArray[np.bool_]
    """(all rows,): which of them count."""
    labels: Ints
    """(n,), of those that count."""
    groups: Ints | None

    def rows(self, columns: Sequence[str]) -> Iterator[Rows]:
        """Those that count, a batch at a time."""
        start = 0
        for rows in self.split.rows(columns):
            mask = self.keep[start : start + len(rows.numbers)]
            start += len(rows.numbers)
            if mask.any():
                chosen = pa.array(mask)
                values = tuple(value.filter(chosen) for value in rows.values)
                yield rows._replace(numbers=rows.numbers[mask], values=values)


@dataclass(frozen=True)
class OwnData:
    """The splits `train` and perhaps `validation` and `test`."""

    columns: Chosen
    splits: Mapping[str, OwnSplit]
    classes: Classes
    groups: Classes
    notes: tuple[str, ...]
    """What a person should know of how the data were read, in sentences without a full stop."""


class _Values(NamedTuple):
    """Labels and groups of one split, a batch at a time, not numbered yet."""

    split: Split
    labels: list[pa.Array]
    groups: list[pa.Array]


def open_own(place: Place, entry: OwnEntry) -> OwnData:
    """Find splits, columns and classes, and read all labels.

    Raises:
        DataError: in one line, what was found where, and how to go on.
    """
    contents, uri = contents_of(place, entry), place.path
    notes = list(contents.notes)
    if "train" not in contents.splits:
        have = ", ".join(contents.splits)
        is_list = any(isinstance(split.files[0], ImageList) for split in contents.splits.values())
        how = "put its images into train/CLASS/" if is_list else "name its files: train: PATTERN"
        raise DataError(f"{uri}: no training split, but {have}; {how}")
    columns = choose(contents.splits, entry)
    if columns.split is not None:
        if len(contents.splits) > 1:
            raise DataError(f"{uri}: split: its files have splits already; leave it out")
        contents = by_column(contents, columns.split)
        if "train" not in contents.splits:
            raise DataError(f"{uri}: column {columns.split} says train for no example")
    read: dict[str, _Values] = {}
    for name, split in contents.splits.items():
        values = _read(split, columns)
        if values is None and name != "train":
            notes.append(f"the {name} split has no labels: not used")
        elif values is None:
            raise DataError(f"{split.files[0].path}: column {columns.label} has no labels")
        else:
            read[name] = values
    names = class_names(contents.splits["train"].files[0].schema(), columns.label)
    classes = _classes(uri, columns.label, [each.labels for each in read.values()], names)
    groups = Classes((), ())
    if columns.group is not None:
        group_names = class_names(contents.splits["train"].files[0].schema(), columns.group)
        groups = _classes(uri, columns.group, [each.groups for each in read.values()], group_names)
    return _numbered(uri, entry, columns, read, classes, groups, notes)


def _read(split: Split, columns: Chosen) -> _Values | None:
    """The labels of a split; None where no example has one. Raises DataError where some lack it."""
    has_names = bool(class_names(split.files[0].schema(), columns.label))
    if any(columns.label not in file.schema().names for file in split.files):
        return None
    asked = [columns.label, *([columns.group] if columns.group else [])]
    labels, groups, lacking, first = [], [], 0, ""
    for rows in split.rows(asked):
        label = plain(rows.values[0], f"{rows.path}: column {columns.label}")
        gaps = missing(label, has_names=has_names)
        if len(gaps) and not lacking:
            first = rows.where(int(gaps[0]))
        lacking += len(gaps)
        labels.append(label)
        if columns.group is not None:
            groups.append(_group_values(rows, columns.group))
    total = sum(map(len, labels))
    if not total:
        raise DataError(f"{split.files[0].path}: no rows in it")
    if lacking == total:
        return None
    if lacking:
        raise DataError(
            f"{first}: no label in column {columns.label}; {lacking} of {total} rows lack it"
            ", label or remove them"
        )
    return _Values(split, labels, groups)


def _group_values(rows: Rows, column: str) -> pa.Array:
    values = plain(rows.values[1], f"{rows.path}: column {column}")
    gaps = missing(values, has_names=False)
    if len(gaps):
        raise DataError(f"{rows.where(int(gaps[0]))}: no group in column {column}; name one")
    return values


def _classes(
    uri: str, column: str, splits: Iterable[Sequence[pa.Array]], names: Sequence[str]
) -> Classes:
    found: set[Value] = set()
    rows = 0
    kinds = set()
    for values in (each for split in splits for each in split):
        found.update(values.unique().to_pylist())
        kinds.add(values.type)
        rows += len(values)
        if len(found) > MOST:
            raise DataError(
                f"{uri}: column {column} has over {MOST:,} distinct values; is it an id?"
            )
    if len(kinds) > 1:
        raise DataError(f"{uri}: column {column} has numbers in one file and texts in another")
    try:
        return classes_of(found, names)
    except DataError as error:
        raise DataError(f"{uri}: column {column}: {error}") from error


def _numbered(
    uri: str,
    entry: OwnEntry,
    columns: Chosen,
    read: Mapping[str, _Values],
    classes: Classes,
    groups: Classes,
    notes: list[str],
) -> OwnData:
    numbers = {name: _joined(each.labels, classes) for name, each in read.items()}
    counts = np.bincount(numbers["train"], minlength=len(classes.names))
    kept = _kept_classes(uri, entry, columns, classes, counts, read.keys(), notes)
    place = np.cumsum(kept) - 1
    splits = {}
    for name, each in read.items():
        keep = kept[numbers[name]]
        group = _joined(each.groups, groups)[keep] if columns.group is not None else None
        splits[name] = OwnSplit(each.split, keep, place[numbers[name][keep]], group)
    chosen = Classes(
        tuple(value for value, k in zip(classes.values, kept, strict=True) if k),
        tuple(name for name, k in zip(classes.names, kept, strict=True) if k),
    )
    pair = alike(chosen.names)
    if pair is not None:
        notes.append(f"classes '{pair[0]}' and '{pair[1]}' have nearly one name")
    return OwnData(columns, splits, chosen, groups, tuple(notes))


def _joined(values: Sequence[pa.Array], classes: Classes) -> Ints:
    return np.concatenate([np.empty(0, np.int64), *map(classes.numbers, values)])


def _kept_classes(
    uri: str,
    entry: OwnEntry,
    columns: Chosen,
    classes: Classes,
    counts: Ints,
    splits: Iterable[str],
    notes: list[str],
) -> NDArray[np.bool_]:
    """Which classes stay (K,). Raises DataError for one too small to be used, and for one alone."""
    kept: NDArray[np.bool_] = counts >= entry.min_class_size
    if not kept.all():
        left = [name for name, k in zip(classes.names, kept, strict=True) if not k]
        notes.append(
            f"{plural(len(left), 'class', 'classes')} with fewer than {entry.min_class_size} "
            f"training examples left out ({', '.join(left[:3])}{', ...' if len(left) > 3 else ''})"
        )
    made = sum(split not in splits for split in ("validation", "test"))
    for number in np.flatnonzero(kept | (counts == 0)):
        if counts[number] < 1 + made:
            raise DataError(
                f"{uri}: class '{classes.names[number]}' of column {columns.label} has "
                f"{plural(int(counts[number]), 'training example')}, and {1 + made} are needed to "
                f"divide them; add some, or leave small classes out: min_class_size: {SMALLEST}"
            )
    if kept.sum() < 2:
        only = [name for name, k in zip(classes.names, kept, strict=True) if k]
        least = entry.min_class_size
        enough = f" with {least} training examples or more" if least > 1 else ""
        raise DataError(
            f"{uri}: column {columns.label} has {plural(len(only), 'class', 'classes')}"
            f"{f' ({only[0]})' if only else ''}{enough}; two are needed at least"
        )
    if kept.sum() > 0.5 * counts.sum():
        raise DataError(
            f"{uri}: column {columns.label} has {kept.sum()} classes in {counts.sum()} examples; "
            "is it an id?"
        )
    return kept
