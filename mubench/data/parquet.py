"""Image data sets in Hugging Face's Parquet schema, decoded once and cached.

A data set is a folder `<data_dir>/<name>/` with `train*.parquet` and `test*.parquet`: an image
column (bytes, or struct<bytes, path>) holding PNG or JPEG, and an integer label column.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mubench.data.cache import cached
from mubench.data.images import decode
from mubench.data.partition import Ints
from mubench.data.raw import Part, Raw, fingerprint
from mubench.errors import DataError, InputError

LAYOUT = 1
"""Version of the cached files."""
BATCH = 1000
SPLITS = ("train", "test")
IMAGE_COLUMNS = ("img", "image")


class Table(NamedTuple):
    """One split: its shards in order, their columns, and the class names that the schema gives."""

    files: list[Path]
    image: str
    label: str
    class_names: tuple[str, ...]


def read(card: Mapping[str, Any], data_dir: Path | None) -> Raw:
    """Images as uint8 (n, c, h, w), memory-mapped from the cache, and labels.

    Raises:
        DataError: a folder, file or column is missing, or holds what it should not.
    """
    if card["modality"] != "image":
        raise InputError(f"dataset {card['name']}: no Parquet source for {card['modality']}")
    folder = data_folder(card["name"], data_dir)
    files = {split: _split_files(folder, split) for split in SPLITS}
    name = f"{card['name']}-{_cache_key(card, files)}"
    place, facts = cached(name, lambda partial: _build(partial, card, files))
    parts = [
        Part(np.load(place / f"{split}.npy", mmap_mode="r"), np.load(place / f"{split}_labels.npy"))
        for split in SPLITS
    ]
    return Raw(parts[0], parts[1], tuple(facts["class_names"]), facts["fingerprint"])


def data_folder(name: str, data_dir: Path | None) -> Path:
    """The folder of a data set, under `data_dir` or else the environment's MUBENCH_DATA."""
    wanted = f"a folder {name}/ with train*.parquet and test*.parquet (Hugging Face's schema)"
    root = data_dir or os.environ.get("MUBENCH_DATA")
    if not root:
        raise DataError(f"dataset {name}: give --data or set MUBENCH_DATA: where {wanted} is")
    folder = Path(root) / name
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; put there {wanted}, or give another --data")
    return folder


def _split_files(folder: Path, split: str) -> list[Path]:
    files = sorted(folder.glob(f"{split}*.parquet"))
    if not files:
        raise DataError(f"{folder}: no {split}*.parquet in it; put the {split} split there")
    return files


def _cache_key(card: Mapping[str, Any], files: Mapping[str, list[Path]]) -> str:
    stamps = [
        (split, path.name, path.stat().st_size, path.stat().st_mtime_ns)
        for split, paths in files.items()
        for path in paths
    ]
    about = [LAYOUT, card.get("columns"), card["classes"], card["input_shape"], stamps]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def _build(
    folder: Path, card: Mapping[str, Any], files: Mapping[str, list[Path]]
) -> dict[str, Any]:
    tables = {split: _open_table(paths, card) for split, paths in files.items()}
    names = tables["train"].class_names or tuple(str(name) for name in card["classes"])
    labels = {}
    for split, table in tables.items():
        if table.class_names not in ((), names) or len(names) != len(card["classes"]):
            raise DataError(
                f"{table.files[0]}: column {table.label} has {len(table.class_names)} class names; "
                f"expected the {len(card['classes'])} of the card, the same in every split"
            )
        labels[split] = _read_labels(table, len(names))
        np.save(folder / f"{split}_labels.npy", labels[split])
    images = (
        batch
        for split, table in tables.items()
        for batch in _write_images(folder / f"{split}.npy", table, labels[split], card)
    )
    return {"fingerprint": fingerprint(labels.values(), images), "class_names": names}


def _open_table(files: list[Path], card: Mapping[str, Any]) -> Table:
    tables = [_columns(path, card.get("columns") or {})._replace(files=files) for path in files]
    if any(table != tables[0] for table in tables):
        raise DataError(f"{files[0].parent}: the shards {files[0].name}, ... differ in columns")
    return tables[0]


def _columns(path: Path, wanted: Mapping[str, str]) -> Table:
    schema = _open(path).schema_arrow
    there = f"columns: {', '.join(schema.names)}"
    images = [wanted["image"]] if "image" in wanted else list(IMAGE_COLUMNS)
    image = next((name for name in images if name in schema.names), None)
    if image is None or not _holds_bytes(schema.field(image).type):
        raise DataError(
            f"{path}: no image column {' or '.join(images)} of bytes or struct<bytes, path>; "
            f"{there}"
        )
    label = wanted.get("label", "label")
    if label not in schema.names or not pa.types.is_integer(schema.field(label).type):
        raise DataError(f"{path}: no integer column {label} for the labels; {there}")
    return Table([path], image, label, _class_names(path, schema, label))


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, memory_map=False)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"{path}: not a whole Parquet file, fetch it again ({reason})")


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        kind = kind.field("bytes").type
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _class_names(path: Path, schema: pa.Schema, label: str) -> tuple[str, ...]:
    try:
        about = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        return tuple(about["info"]["features"][label]["names"])
    except ValueError as error:
        raise _damaged(path, error) from error
    except (KeyError, TypeError):  # a schema without class names, which is allowed
        return ()


def _batches(table: Table, column: str) -> Iterator[tuple[Path, int, pa.Array]]:
    """Pieces of one column over all shards: file, number of the first row, values."""
    for path in table.files:
        start = 0
        try:
            for batch in _open(path).iter_batches(BATCH, columns=[column]):
                yield path, start, batch.column(0)
                start += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error


def _read_labels(table: Table, num_classes: int) -> Ints:
    pieces = [np.empty(0, np.int64)]
    for path, start, values in _batches(table, table.label):
        labels = values.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
        wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
        if len(wrong):
            value = values[int(wrong[0])].as_py()
            raise DataError(
                f"{path}: row {start + wrong[0]}: label {'null' if value is None else value} "
                f"in column {table.label}; it must be 0 to {num_classes - 1}"
            )
        pieces.append(labels)
    return np.concatenate(pieces)


def _write_images(
    target: Path, table: Table, labels: Ints, card: Mapping[str, Any]
) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Decode all images into an .npy file, and hand each decoded batch on."""
    shape = tuple(card["input_shape"])
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(labels), *shape)}
    with target.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for path, start, values in _batches(table, table.image):
            images = decode(values, shape, f"{path}: row", start)
            file.write(images.tobytes())
            yield images
