"""Which columns are inputs, labels and groups: named by the user, or usual."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import pyarrow as pa

from mubench.data.own.contents import Split
from mubench.data.own.entry import OwnEntry
from mubench.data.tables.formats import holds_bytes, holds_text
from mubench.errors import DataError, did_you_mean

USUAL = {
    "image": ("image", "img", "images", "pixels", "picture", "photo", "file_name", "filename"),
    "text": ("text", "sentence", "content", "review", "body", "message"),
    "label": ("label", "labels", "target", "class", "category", "y"),
}


class Chosen(NamedTuple):
    """The columns of a data set."""

    modality: Literal["image", "text"]
    inputs: str
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
    where, have = first.path, _in_words(schema)
    modality, inputs = _inputs(schema, entry, where)
    label = entry.label or _usual("label", schema)
    if label is None:
        raise DataError(f"{where}: which column has the labels? add 'label: COLUMN'; {have}")
    for column in (label, entry.group, entry.split):
        if column is not None:
            _require(schema, column, where)
    if len({inputs, label, entry.group, entry.split} - {None}) < 2 + bool(entry.group) + bool(
        entry.split
    ):
        raise DataError(f"{where}: one column is named for two things; {have}")
    chosen = Chosen(modality, inputs, label, entry.group, entry.split)
    for name, split in splits.items():
        for file in split.files:
            _require_same(file.schema(), chosen, schema, file.path, name)
    return chosen


def _inputs(schema: pa.Schema, entry: OwnEntry, where: str) -> tuple[Literal["image", "text"], str]:
    for modality, column in (("image", entry.image), ("text", entry.text)):
        if column is not None:
            _require(schema, column, where)
            _require_type(schema, column, modality, where)
            return modality, column  # type: ignore[return-value]
    found = {
        modality: name
        for modality in ("image", "text")
        if (name := _usual(modality, schema)) is not None
    }
    if len(found) != 1:
        which = "which column has the images or texts?" if not found else "images, or texts?"
        raise DataError(
            f"{where}: {which} add 'image: COLUMN' or 'text: COLUMN'; {_in_words(schema)}"
        )
    [(modality, name)] = found.items()
    _require(schema, name, where)
    return modality, name  # type: ignore[return-value]


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
        raise DataError(f"{where}: no column {column}; {near}{_in_words(schema)}")
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
    for column in (chosen.inputs, chosen.label, chosen.group, chosen.split):
        if column is None or (column == chosen.label and split != "train"):
            continue
        _require(schema, column, path)
        if column == chosen.inputs and schema.field(column).type != first.field(column).type:
            raise DataError(
                f"{path}: column {column} has {schema.field(column).type}, and in the first file "
                f"{first.field(column).type}"
            )


_FITS: Mapping[str, Callable[[pa.DataType], bool]] = {
    "image": lambda kind: holds_bytes(kind) or holds_text(kind),
    "text": holds_text,
}


def _in_words(schema: pa.Schema) -> str:
    shown: Sequence[str] = [f"{field.name} ({_short(field.type)})" for field in schema]
    more = ", ..." if len(shown) > 12 else ""
    return f"columns: {', '.join(shown[:12])}{more}"


def _short(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 40 else f"{text[:37]}..."
