"""Data sets in Hugging Face's Parquet schema: images (PNG or JPEG bytes) or texts, and labels.

A folder with `train*.parquet` and perhaps `test*.parquet`, on this machine or wherever `pyarrow.fs`
reaches. Columns are found by their usual names, or
given by the card's `columns`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from mubench.data.sources.decode_images import decode, shape_of
from mubench.data.sources.partition import Ints
from mubench.data.sources.raw import Part, Piece, Raw
from mubench.data.sources.superclasses import check_names, file_classes
from mubench.errors import DataError

WANTED = "train*.parquet and test*.parquet (Hugging Face's schema)"
BATCH = 1000
COLUMNS = {
    "image": ("img", "image"),
    "text": ("text", "sentence", "content"),
    "label": ("label", "labels", "target"),
}
"""Under which names columns are looked for where the card gives none."""


class Root(NamedTuple):
    """A folder on some file system."""

    files: fs.FileSystem
    path: str


class Table(NamedTuple):
    """One split: its shards in order, their columns, and the class names that the schema gives."""

    root: Root
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
    root = root_of(card, folder)
    return [[info.base_name, info.size, info.mtime_ns] for info in _listed(root)]


def read(card: Mapping[str, Any], folder: Path) -> Raw:
    """Images as uint8 (n, c, h, w), or texts; labels, and groups where the card names their column.

    Raises:
        DataError: a file or column is missing, or has invalid values.
    """
    root = root_of(card, folder)
    train = open_table(root, "train", card)
    test = open_table(root, "test", card)
    tables = [table for table in (train, test) if table is not None]
    if train is None:
        raise DataError(f"{root.path}: no train*.parquet in it; put the train split there")
    if test is None and "uri" not in card:
        raise DataError(f"{root.path}: no test*.parquet in it; put the test split there")
    names = train.class_names or file_classes(card)
    for table in tables:
        where = f"{table.shards[0]}: column {table.label}"
        check_names(card, table.class_names or names, where)
        if table.class_names not in ((), names):
            raise DataError(f"{where}: other class names than in the train split")
    group_names = train.group_names or _group_names(card)
    parts = [_part(table, card, len(names), len(group_names)) for table in tables]
    return Raw(parts[0], parts[1] if len(parts) > 1 else None, names, group_names=group_names)


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


def root_of(card: Mapping[str, Any], folder: Path) -> Root:
    """Where a card's Parquet files are.

    Raises:
        DataError: the card names a URI that pyarrow does not know, or a folder that is not there.
    """
    place = str(card.get("uri", folder))
    try:
        if "://" in place:
            files, path = fs.FileSystem.from_uri(place)
        else:
            files, path = fs.LocalFileSystem(), str(Path(place).absolute())
        if files.get_file_info(path).type != fs.FileType.Directory:
            raise DataError(f"{place}: no such folder; put there {WANTED}")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{place}: cannot be opened ({_first_line(error)})") from error
    return Root(files, path)


def open_table(root: Root, split: str, card: Mapping[str, Any]) -> Table | None:
    """The shards of a split and their columns; None where there are none.

    Raises:
        DataError: a shard is damaged, lacks a column, or has others than the first.
    """
    names = [info.path for info in _listed(root) if info.base_name.startswith(split)]
    if not names:
        return None
    tables = [_columns(root, path, card)._replace(shards=tuple(names)) for path in names]
    if any(table != tables[0] for table in tables):
        raise DataError(f"{root.path}: the shards {Path(names[0]).name}, ... differ in columns")
    return tables[0]


def _listed(root: Root) -> list[fs.FileInfo]:
    entries = root.files.get_file_info(fs.FileSelector(root.path))
    return sorted(
        (info for info in entries if info.base_name.endswith(".parquet")), key=lambda i: i.path
    )


def _columns(root: Root, path: str, card: Mapping[str, Any]) -> Table:
    wanted = card.get("columns") or {}
    with _open(root, path) as file:
        schema = file.schema_arrow
    present = f"columns: {', '.join(schema.names)}"
    kind = "text" if card["modality"] == "text" else "image"
    candidates = [wanted[kind]] if kind in wanted else list(COLUMNS[kind])
    inputs = next((name for name in candidates if name in schema.names), None)
    fits = _holds_text if kind == "text" else _holds_bytes
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
        root,
        (path,),
        inputs,
        label,
        group,
        _class_names(path, schema, label),
        () if group is None else _class_names(path, schema, group),
    )


def _integer_column(schema: pa.Schema, candidates: list[str], missing: str) -> str:
    for name in candidates:
        if name in schema.names and pa.types.is_integer(schema.field(name).type):
            return name
    raise DataError(missing.format(" or ".join(candidates)))


def _open(root: Root, path: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(root.files.open_input_file(path))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: str, error: Exception) -> DataError:
    return DataError(f"{path}: not a whole Parquet file, fetch it again ({_first_line(error)})")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _holds_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _class_names(path: str, schema: pa.Schema, label: str) -> tuple[str, ...]:
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        return tuple(about["info"]["features"][label]["names"])
    except ValueError as error:
        raise _damaged(path, error) from error
    except (KeyError, TypeError):  # a schema without class names, which is allowed
        return ()


def _batches(table: Table, column: str) -> Iterator[tuple[str, int, pa.Array]]:
    """Pieces of one column over all shards: file, number of the first row, values."""
    for path in table.shards:
        start = 0
        try:
            with _open(table.root, path) as file:
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


def describe(uri: str, columns: Mapping[str, str], name: str) -> dict[str, Any]:
    """The card of a folder of Parquet files that has none, from its schema and a first row.

    Classes are those that the schema names, else 0 to the largest label.

    Raises:
        DataError: as `read` does.
    """
    modality = "text" if "text" in columns else "image"
    card: dict[str, Any] = {"name": name, "uri": uri, "columns": columns, "modality": modality}
    root = root_of(card, Path())
    train = open_table(root, "train", card)
    if train is None:
        raise DataError(f"{uri}: no train*.parquet in it; put the train split there")
    classes = train.class_names or _numbered(train, train.label)
    if len(classes) < 2:
        raise DataError(f"{uri}: column {train.label} has one class; two are needed at least")
    card |= {"title": name, "classes": list(classes)}
    if train.group is not None:
        card["groups"] = list(train.group_names or _numbered(train, train.group))
    if modality == "image":
        path, _, values = next(_batches(train, train.inputs))
        card["input_shape"] = list(shape_of(values[:1], f"{path}: row"))
    card["columns"] = {modality: train.inputs, "label": train.label} | dict(columns)
    return card


def _numbered(table: Table, column: str) -> list[str]:
    largest = int(_read_labels(table, column, 2**31).max(initial=0))
    return [str(i) for i in range(largest + 1)]
