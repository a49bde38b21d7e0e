"""Which columns are inputs, labels and groups: named by the user, or usual."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import pyarrow as pa

from mubench.data.own.contents import Split
from mubench.data.own.entry import OwnEntry
from mubench.data.tables.formats import format_of, holds_bytes, holds_text
from mubench.errors import DataError, did_you_mean

USUAL = {
    "image": ("image", "img", "images", "pixels", "picture", "photo", "file_name", "filename"),
    "text": ("text", "sentence", "content", "review", "body", "message"),
    "label": ("label", "labels", "target", "class", "category", "y"),
}


class Chosen(NamedTuple):
    """The columns of a data set."""

    modality: Literal["image", "text", "table"]
    inputs: tuple[str, ...]
    """One column of images or texts, or the features of a table."""
    label: str
    group: str | None
    split: str | None


def choose(splits: Mapping[str, Split], entry: OwnEntry) -> Chosen:
    """The columns of all files.

    Raises:
        DataError: a column is absent, is there twice, or holds something else; the columns that
            there are, with their types, are named.
    """
    first = splits["train"].files[0]
    schema = first.schema()
    where, have = first.path, _in_words(schema, first.path)
    label = entry.label or _usual("label", schema)
    if label is None:
        raise DataError(f"{where}: which column has the labels? add 'label: COLUMN'; {have}")
    others = [column for column in (label, entry.group, entry.split) if column is not None]
    for column in others:
        _require(schema, column, where)
    modality, inputs = _inputs(schema, entry, others, where)
    # A group may be an input of a table, such as the job of a person.
    apart = [column for column in others if modality != "table" or column != entry.group]
    if len(set(others)) < len(others) or set(apart) & set(inputs):
        raise DataError(f"{where}: one column is named for two things; {have}")
    chosen = Chosen(modality, inputs, label, entry.group, entry.split)
    for name, split in splits.items():
        for file in split.files:
            _require_same(file.schema(), chosen, schema, file.path, name)
    return chosen


def _inputs(
    schema: pa.Schema, entry: OwnEntry, others: Sequence[str], where: str
) -> tuple[Literal["image", "text", "table"], tuple[str, ...]]:
    if entry.features:
        return "table", _features(schema, entry, others, where)
    for modality, column in (("image", entry.image), ("text", entry.text)):
        if column is not None:
            _require(schema, column, where)
            _require_type(schema, column, modality, where)
            return modality, (column,)  # type: ignore[return-value]
    found = {
        modality: name
        for modality in ("image", "text")
        if (name := _usual(modality, schema)) is not None
    }
    if len(found) != 1:
        which = "which columns are inputs?" if not found else "images, or texts?"
        raise DataError(
            f"{where}: {which} add 'image: COLUMN', 'text: COLUMN' or 'features: all'; "
            f"{_in_words(schema, where)}"
        )
    [(modality, name)] = found.items()
    _require(schema, name, where)
    return modality, (name,)  # type: ignore[return-value]


def _features(
    schema: pa.Schema, entry: OwnEntry, others: Sequence[str], where: str
) -> tuple[str, ...]:
    """The columns of a table that are inputs, in the order of the file."""
    named = (*entry.without, *entry.numeric, *entry.categorical)
    for column in named if entry.features == "all" else entry.features:
        _require(schema, column, where)
    apart = {*others, *entry.without} - set(entry.numeric) - set(entry.categorical)
    chosen = tuple(
        column
        for column in schema.names
        if (column not in apart if entry.features == "all" else column in entry.features)
    )
    for column in chosen:
        _require(schema, column, where)
    if not chosen:
        raise DataError(f"{where}: no column is left for features; {_in_words(schema, where)}")
    return chosen


def _usual(what: str, schema: pa.Schema) -> str | None:
    fits = _FITS.get(what, lambda kind: True)
    for name in USUAL[what]:
        for column in schema.names:
            if column.lower() == name and fits(schema.types[schema.names.index(column)]):
                return str(column)
    return None


def _require(schema: pa.Schema, column: str, where: str) -> None:
    count = schema.names.count(column)
    if not count:
        hint = did_you_mean(column, schema.names)
        near = f"{hint}; " if hint.startswith("did you mean") else ""
        raise DataError(f"{where}: no column {column}; {near}{_in_words(schema, where)}")
    if count > 1:
        raise DataError(f"{where}: {count} columns are called {column}; rename one")


def _require_type(schema: pa.Schema, column: str, modality: str, where: str) -> None:
    kind = schema.field(column).type
    if not _FITS[modality](kind):
        wanted = "bytes, struct<bytes, path> or names of files" if modality == "image" else "text"
        raise DataError(f"{where}: column {column} has {kind}; {modality}s are {wanted}")


def _require_same(
    schema: pa.Schema, chosen: Chosen, first: pa.Schema, path: str, split: str
) -> None:
    """Other files have the columns of the first; held-out ones may lack labels."""
    for column in (*chosen.inputs, chosen.label, chosen.group, chosen.split):
        if column is None or (column == chosen.label and split != "train"):
            continue
        _require(schema, column, path)
        kinds = schema.field(column).type, first.field(column).type
        if column in chosen.inputs and not _alike(*kinds):
            raise DataError(
                f"{path}: column {column} has {kinds[0]}, and in the first file {kinds[1]}"
            )


def _alike(one: pa.DataType, other: pa.DataType) -> bool:
    """Whether columns hold the same: numbers of any type do, and what is missing everywhere."""

    def is_number(kind: pa.DataType) -> bool:
        return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))

    has_none = pa.types.is_null(one) or pa.types.is_null(other)
    return bool(one == other or has_none or (is_number(one) and is_number(other)))


_FITS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "image": lambda kind: holds_bytes(kind) or holds_text(kind),
    "text": holds_text,
}


def _in_words(schema: pa.Schema, where: str) -> str:
    """Its columns; those of a CSV are its first line, which may be an example by mistake."""
    shown: Sequence[str] = [f"{field.name} ({_short(field.type)})" for field in schema]
    more = ", ..." if len(shown) > 12 else ""
    by = " (its first line)" if format_of(where) == "csv" else ""
    return f"columns{by}: {', '.join(shown[:12])}{more}"


def _short(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 40 else f"{text[:37]}..."
