"""Which columns of a person's table are numbers and which categories, decided by D_tr alone.

What a model must not learn from is refused: ids, copies of the label, free text. Who means such a
column names it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mubench.catalogue.features import Feature
from mubench.data.own.cells import are_gaps, are_numbers, cells_of, names_of, numbers_of, pieces
from mubench.data.own.classes import classes_of
from mubench.data.own.entry import OwnEntry
from mubench.data.own.opened import OwnData
from mubench.data.sources.partition import Ints, partition
from mubench.data.tables.formats import TableFile
from mubench.errors import DataError, plural

MOST_CATEGORIES, MOST_INPUTS = 1000, 10_000
"""Of one column, and of a table: each category is an input of a model."""
FEW = 20
"""Distinct values that are categories, however few rows there are."""
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?|\d\d?[./]\d\d?[./]\d{2,4}")
_DECORATED = re.compile(r"^[-+\u2212]?[$€£]?\s?[-\u2212]?\d[\d.,'\s]*\s?[%$€£]?$")
_ID = re.compile(r"(^|[^a-z])(id|uuid|guid|index|row|unnamed)([^a-z]|$)", re.IGNORECASE)


class Described(NamedTuple):
    """The features of a table, and what a person should know of them, in sentences."""

    features: tuple[Feature, ...]
    notes: tuple[str, ...]


class _Unfit(Exception):
    """Why a column cannot be a feature; it is left out, as no model can learn from it."""


def describe_features(data: OwnData, entry: OwnEntry) -> Described:
    """The features of a table whose labels are read.

    Raises:
        DataError: a column that is no feature, a cell that cannot be read, or too many categories.
    """
    split = data.splits["train"].split
    where = split.files[0].path
    is_untyped = isinstance(split.files[0], TableFile) and split.files[0].format == "csv"
    labels, columns = _train_cells(data)
    features, unfit = [], []
    for name, cells in columns.items():
        column = _Column(name, cells, labels, entry, is_untyped)
        try:
            features.append(column.feature())
        except _Unfit as reason:
            unfit.append(f"{_shown(name)} ({reason})")
        except DataError as error:
            raise DataError(f"{where}: column {_shown(name)}: {error}") from None
    if not features:
        raise DataError(f"{where}: no feature is left; left out: {_few(unfit)}")
    width = sum(feature.width for feature in features)
    if width > MOST_INPUTS:
        most = max(features, key=lambda feature: feature.width)
        raise DataError(
            f"{where}: {width:,} inputs, more than {MOST_INPUTS:,}; leave columns with many "
            f"categories out, such as {most.name} ({len(most.values):,})"
        )
    return Described(tuple(features), (*_in_words(features, unfit), *_counted(data, features)))


def _train_cells(data: OwnData) -> tuple[Ints, Mapping[str, pa.Array]]:
    """Labels of D_tr, and its cells by column."""
    train = data.splits["train"]
    held_out = {f"has_{name}": name in data.splits for name in ("validation", "test")}
    positions = partition(train.labels, np.arange(len(train.labels)), **held_out)["train"]
    is_train = np.zeros(len(train.labels), bool)
    is_train[positions] = True
    names = data.columns.inputs
    chunks: dict[str, list[pa.Array]] = {name: [] for name in names}
    start = 0
    for rows in train.rows(names):
        mask = pa.array(is_train[start : start + len(rows.numbers)])
        start += len(rows.numbers)
        for name, values in zip(names, rows.values, strict=True):
            chunks[name].append(cells_of(values.filter(mask), f"{rows.path}: column {name}"))
    return train.labels[positions], {name: _joined(each) for name, each in chunks.items()}


def _joined(chunks: Sequence[pa.Array]) -> pa.Array:
    """Cells of all batches; a column may be without values in some of them."""
    kinds = {chunk.type for chunk in chunks}
    same = chunks if len(kinds) == 1 else [names_of(chunk) for chunk in chunks]
    return pa.concat_arrays(same)


class _Column(NamedTuple):
    """A column of D_tr."""

    name: str
    cells: pa.Array
    labels: Ints
    entry: OwnEntry
    is_untyped: bool
    """Whether its file has texts alone, so that numbers are known by their looks."""

    def feature(self) -> Feature:
        """What it is. Raises _Unfit, and DataError without the name of the column."""
        return self._numeric() if self._is_numeric() else self._categorical()

    @property
    def _is_meant(self) -> bool:
        return self.name in self.entry.stated

    def _is_numeric(self) -> bool:
        if self.name in self.entry.numeric or self.name in self.entry.categorical:
            return self.name in self.entry.numeric
        if not pa.types.is_string(self.cells.type):
            return True
        if not self.is_untyped:
            return False
        known = self.cells.filter(pa.array(~are_gaps(self.cells)))
        numbers = are_numbers(known)
        if numbers.all() or numbers.mean() < 0.5 or pc.count_distinct(known).as_py() <= FEW:
            return bool(numbers.all() and len(numbers))
        odd = known[int(np.flatnonzero(~numbers)[0])]
        raise DataError(
            f"{numbers.sum():,} of {len(known):,} values are numbers, '{odd}' is none; mend it, or "
            f"say categorical: [{_shown(self.name)}]"
        )

    def _numeric(self) -> Feature:
        values = numbers_of(self.cells)
        known = values[~np.isnan(values)]
        has_missing = len(known) < len(values)
        if not len(known):
            if pa.types.is_string(self.cells.type) and not are_gaps(self.cells).all():
                raise DataError("named as numeric, but none of its values is a number")
            raise _Unfit("empty")
        if known.min() == known.max():
            if not has_missing:
                raise _Unfit("the same everywhere")
            [name] = names_of(pa.array(known[:1])).to_pylist()
            return _categories(self.name, [name], has_missing=True)
        self._refuse_ids(known)
        self._refuse_labels(values)
        return Feature(name=self.name, has_missing=has_missing)

    def _categorical(self) -> Feature:
        names = names_of(self.cells)
        values = [str(value) for value in classes_of(set(names.drop_null().to_pylist()), ()).values]
        has_missing = bool(names.null_count)
        if len(values) + has_missing < 2:
            raise _Unfit("the same everywhere" if values else "empty")
        self._refuse_free_text(values)
        codes = pc.index_in(names, value_set=pa.array(values, pa.string())).fill_null(-1)
        self._refuse_labels(codes.to_numpy(zero_copy_only=False).astype(np.float64))
        return _categories(self.name, values, has_missing=has_missing)

    def _refuse_ids(self, known: NDArray[np.float64]) -> None:
        """Refuse whole numbers that are all different, and in order or named like an id."""
        with np.errstate(invalid="ignore"):  # infinite numbers are refused later, by their row
            steps = np.diff(known)
        is_distinct = len(np.unique(known)) == len(known) and bool((known == known.round()).all())
        is_ordered = bool((steps > 0).all() or (steps < 0).all())
        if self._is_meant or len(known) < 3 or not is_distinct:
            return
        if is_ordered or _ID.search(self.name):
            raise DataError(
                "an id? its whole numbers are all different; leave it out: "
                f"without: [{_shown(self.name)}], or keep it: numeric: [{_shown(self.name)}]"
            )

    def _refuse_labels(self, values: NDArray[np.float64]) -> None:
        """Refuse a column that is the label under other names."""
        if self._is_meant:
            return
        distinct, codes = np.unique(values, return_inverse=True)
        classes = len(np.unique(self.labels))
        pairs = np.unique(codes * (self.labels.max() + 1) + self.labels)
        if len(pairs) == len(distinct) == classes:
            raise DataError(
                "each of its values belongs to one class and each class to one value: it is the "
                f"label; leave it out: without: [{_shown(self.name)}], or name it if it is meant"
            )

    def _refuse_free_text(self, values: Sequence[str]) -> None:
        many = len(values) > max(FEW, len(self.cells) / 2) and not self._is_meant
        if not many and len(values) <= MOST_CATEGORIES:
            return
        if _DATE.match(values[0]):
            hint = "dates? give a number, such as the year or the days since a day"
        elif are_numbers(pa.array(values)).all():
            hint = f"numbers? say numeric: [{_shown(self.name)}]"
        elif all(map(_DECORATED.match, values)):
            hint = f"numbers? write {values[0]} as 1234.5 is written,"
        else:
            hint = "an id, or free text?"
        raise DataError(
            f"{len(values):,} different values in {len(self.cells):,} rows (at most "
            f"{MOST_CATEGORIES:,} categories are taken); {hint} or leave it out: "
            f"without: [{_shown(self.name)}]"
        )


def _shown(name: str) -> str:
    """A column's name as YAML takes it; a CSV of pandas begins with one that is empty."""
    return name if re.fullmatch(r"\w[\w ()/.-]*", name) else json.dumps(name, ensure_ascii=False)


def _categories(name: str, values: Sequence[str], *, has_missing: bool) -> Feature:
    return Feature(name=name, kind="categorical", values=tuple(values), has_missing=has_missing)


def _in_words(features: Sequence[Feature], unfit: Sequence[str]) -> Iterator[str]:
    numeric = [feature.name for feature in features if feature.kind == "numeric"]
    categorical = [f"{f.name} ({len(f.values)})" for f in features if f.kind == "categorical"]
    if numeric:
        yield f"{plural(len(numeric), 'numeric column')}: {_few(numeric)}"
    if categorical:
        yield (
            f"{plural(len(categorical), 'categorical column')} (categories in D_tr): "
            f"{_few(categorical)}"
        )
    if unfit:
        yield f"columns left out: {_few(unfit)}"
    width = sum(feature.width for feature in features)
    yield f"a row becomes {plural(width, 'input')} of a model"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:FEW]) + (", ..." if len(names) > FEW else "")


def _counted(data: OwnData, features: Sequence[Feature]) -> Iterator[str]:
    """Missing values and unknown categories of each split; all cells are read for it."""
    for name, split in data.splits.items():
        missing, unknown = np.zeros((2, len(features)), np.int64)
        for piece in pieces(split, features):
            missing += np.isnan(piece).sum(0)
            unknown += ((piece < 0) & [f.kind == "categorical" for f in features]).sum(0)
        for counts, what in ((missing, "missing values"), (unknown, "categories unknown to D_tr")):
            said = [f"{f.name} {n}" for f, n in zip(features, counts, strict=True) if n]
            if said:
                yield f"{name}: {what}: {_few(said)}"
