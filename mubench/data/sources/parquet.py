"""Data sets in Hugging Face's Parquet schema: images (PNG or JPEG bytes) or texts, and labels.

A folder with `train*.parquet` and `test*.parquet` of a data set with a card; data of one's own
without a card: `data/own`. Columns are found by their usual names, or given by the card's
`columns`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mubench.data.sources.decode_images import decode
from mubench.data.sources.partition import Ints
from mubench.data.sources.raw import Part, Piece, Raw
from mubench.data.sources.superclasses import check_names, file_classes
from mubench.data.tables.formats import class_names, holds_bytes, holds_text
from mubench.data.tables.layout import by_name
from mubench.data.tables.place import File, first_line, open_place
from mubench.errors import DataError

WANTED = "train*.parquet and test*.parquet (Hugging Face's schema)"
BATCH = 1000
COLUMNS = {
    "image": ("img", "image"),
    "text": ("text", "sentence", "content"),
    "label": ("label", "labels", "target"),
}
"""Under which names columns are looked for where the card gives none."""


class Table(NamedTuple):
    """One split: its shards in order, their columns, and the class names that the schema gives."""

    shards: tuple[str, ...]
    inputs: str
    label: str
    group: str | None
    class_names: tuple[str, ...]
    group_names: tuple[str, ...]


def is_here(card: Mapping[str, Any], folder: Path) -> bool:
    """Whether there is a Parquet file of a training split."""
    del card
    return any(folder.glob("train*.parquet"))


def stamp(card: Mapping[str, Any], folder: Path) -> list[Any]:
    """Name, size and time of each file."""
    del card
    return [[file.name, file.size, file.mtime_ns] for file in _listed(folder)]


def read(card: Mapping[str, Any], folder: Path) -> Raw:
    """Images as uint8 (n, c, h, w), or texts; labels, and groups where the card names their column.

    Raises:
        DataError: a file or column is missing, or has invalid values.
    """
    shards = by_name(_listed(folder), str(folder))
    for split in ("train", "test"):
        if split not in shards:
            raise DataError(f"{folder}: no {split}*.parquet in it; put the {split} split there")
    train, test = (_table(shards[split], card) for split in ("train", "test"))
    names = train.class_names or file_classes(card)
    for table in (train, test):
        where = f"{table.shards[0]}: column {table.label}"
        check_names(card, table.class_names or names, where)
        if table.class_names not in ((), names):
            raise DataError(f"{where}: other class names than in the train split")
    group_names = train.group_names or _group_names(card)
    sizes = len(names), len(group_names)
    return Raw(
        _part(train, card, *sizes), _part(test, card, *sizes), names, group_names=group_names
    )


def _part(table: Table, card: Mapping[str, Any], classes: int, groups: int) -> Part:
    labels = _read_labels(table, table.label, classes)

    def images() -> Iterator[Piece]:
        shape = tuple(card.get("stored_shape") or card["input_shape"])
        for path, start, values in _batches(table, table.inputs):
            yield decode(values, shape, f"{path}: row", start, resize=bool(card.get("resize")))

    def texts() -> Iterator[Piece]:
        for path, start, values in _batches(table, table.inputs):
            if values.null_count:
                row = start + int(np.flatnonzero(values.is_null())[0])
                raise DataError(f"{path}: row {row}: null in text column {table.inputs}")
            yield values.to_pylist()

    return Part(
        texts if card["modality"] == "text" else images,
        labels,
        None if table.group is None else _read_labels(table, table.group, groups),
    )


def _table(shards: tuple[File, ...], card: Mapping[str, Any]) -> Table:
    """The shards of a split and their columns.

    Raises:
        DataError: a shard is damaged, lacks a column, or has others than the first.
    """
    paths = tuple(file.path for file in shards)
    tables = [_columns(path, card)._replace(shards=paths) for path in paths]
    if any(table != tables[0] for table in tables):
        raise DataError(f"{paths[0]}, ...: the shards differ in columns")
    return tables[0]


def _listed(folder: Path) -> list[File]:
    return [file for file in open_place(str(folder)).listed() if file.name.endswith(".parquet")]


def _columns(path: str, card: Mapping[str, Any]) -> Table:
    wanted = card.get("columns") or {}
    with _open(path) as file:
        schema = file.schema_arrow
    present = f"columns: {', '.join(schema.names)}"
    kind = "text" if card["modality"] == "text" else "image"
    candidates = [wanted[kind]] if kind in wanted else list(COLUMNS[kind])
    inputs = next((name for name in candidates if name in schema.names), None)
    fits = holds_text if kind == "text" else holds_bytes
    if inputs is None or not fits(schema.field(inputs).type):
        holds = "text" if kind == "text" else "bytes or struct<bytes, path>"
        raise DataError(f"{path}: no {kind} column {' or '.join(candidates)} of {holds}; {present}")
    labels = [wanted["label"]] if "label" in wanted else list(COLUMNS["label"])
    label = _integer_column(
        schema, labels, f"{path}: no integer column {{}} for the labels; {present}"
    )
    group = None
    if "group" in wanted:
        missing = f"{path}: no integer column {{}} for the groups; {present}"
        group = _integer_column(schema, [wanted["group"]], missing)
    return Table(
        (path,),
        inputs,
        label,
        group,
        class_names(schema, label),
        () if group is None else class_names(schema, group),
    )


def _integer_column(schema: pa.Schema, candidates: list[str], missing: str) -> str:
    for name in candidates:
        if name in schema.names and pa.types.is_integer(schema.field(name).type):
            return name
    raise DataError(missing.format(" or ".join(candidates)))


def _open(path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: str, error: Exception) -> DataError:
    return DataError(f"{path}: not a whole Parquet file, fetch it again ({first_line(error)})")


def _batches(table: Table, column: str) -> Iterator[tuple[str, int, pa.Array]]:
    """Pieces of one column over all shards: file, number of the first row, values."""
    for path in table.shards:
        start = 0
        try:
            with _open(path) as file:
                for batch in file.iter_batches(BATCH, columns=[column]):
                    yield path, start, batch.column(0)
                    start += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error


def _read_labels(table: Table, column: str, count: int) -> Ints:
    pieces = [np.empty(0, np.int64)]
    for path, start, values in _batches(table, column):
        labels = values.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        wrong = np.flatnonzero((labels < 0) | (labels >= count))
        if len(wrong):
            value = values[int(wrong[0])].as_py()
            raise DataError(
                f"{path}: row {start + wrong[0]}: label {'null' if value is None else value} "
                f"in column {column}; it must be 0 to {count - 1}"
            )
        pieces.append(labels)
    return np.concatenate(pieces)


def _group_names(card: Mapping[str, Any]) -> tuple[str, ...]:
    groups = card.get("groups", ())
    return tuple(map(str, range(groups) if isinstance(groups, int) else groups))
