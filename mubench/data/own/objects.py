"""Data that a person has as objects (arrays, images, a Dataset), written where a sweep reads them.

A sweep's workers are other processes, perhaps on other machines: they need files. Images become
PNG, which loses nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from mubench.data.tables.layout import SPLITS, split_word
from mubench.errors import InputError

INPUTS = ("image", "img", "pixel_values", "text", "sentence", "inputs", "x")
LABELS = ("label", "labels", "target", "y")
_CHUNK = 1000
_CHANNELS = (1, 3)


def save_objects(data: Any, parent: Path) -> dict[str, Any]:
    """The entry of a sweep for data that are written below `parent`, a Parquet file for each split.

    The same data have the same folder.

    Args:
        data: examples of D_tr and held-out ones together, or a mapping with some of `train`,
            `validation` and `test`. Examples are `(inputs, labels)` arrays, or anything with a
            length that gives pairs or dicts of an input and a label: a torch Dataset without a
            transform, a data set of the hub. Inputs are images (of Pillow, or uint8 (c, h, w) or
            (h, w, c), or fractions of 255) or texts; labels whole numbers or names. Inputs (n, d)
            of a pair, an array or a frame of pandas, are a table.
        parent: where the folder is made.

    Raises:
        InputError: in one line: what an example is, and what it may be.
    """
    files = {name: _table(part, name) for name, part in _splits(data).items()}
    digest = hashlib.sha256()
    for name, table in files.items():
        digest.update(name.encode())
        for column in table.columns:
            for value in column.to_pylist():
                digest.update(repr(value).encode())
    folder = parent / digest.hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in files.items():
        path = folder / f"{name}.parquet"
        if not path.exists():  # an unchanged file keeps its time, and so what is cached of it
            partial = path.with_suffix(".partial")
            pq.write_table(table, partial)
            partial.replace(path)
    entry: dict[str, Any] = {"path": str(folder.absolute())}
    columns = files["train"].column_names
    if not {"image", "text"} & set(columns):
        entry["features"] = "all"
        kinds = [f.name for f in files["train"].schema if pa.types.is_floating(f.type)]
        entry |= {"numeric": kinds} if kinds else {}
    return entry


def _splits(data: Any) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        return {"train": data}
    named = {str(split_word(str(name)) or name): part for name, part in data.items()}
    if "train" not in named or not named.keys() <= set(SPLITS):
        have = ", ".join(map(str, data))
        raise InputError(f"data: a mapping has train, and perhaps validation and test; got {have}")
    return named


def _table(part: Any, split: str) -> pa.Table:
    if isinstance(part, tuple) and len(part) == 2 and getattr(part[0], "ndim", 0) == 2:
        return _rows(*part, split)
    images: list[bytes] = []
    texts: list[str] = []
    labels: list[int | str] = []
    for position, (value, label) in enumerate(_pairs(part, split)):
        where = f"data: {split}[{position}]"
        if isinstance(value, str):
            texts.append(value)
        else:
            images.append(_png(value, where))
        labels.append(_label(label, where))
    if not labels:
        raise InputError(f"data: {split}: no examples")
    if images and texts:
        raise InputError(f"data: {split}: images and texts together; give one kind")
    if len({type(label) for label in labels}) > 1:
        raise InputError(f"data: {split}: labels are numbers and names; give one kind")
    column = ("image", pa.array(images, pa.binary())) if images else ("text", pa.array(texts))
    table = pa.table({column[0]: column[1], "label": labels})
    names = _class_names(part)
    if names and isinstance(labels[0], int):
        about = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    return table


def _rows(inputs: Any, labels: Any, split: str) -> pa.Table:
    """Columns of a frame by their names, those of an array as x0, x1, ...; and `label`."""
    if len(inputs) != len(labels):
        raise InputError(f"data: {split}: {len(inputs)} inputs, but {len(labels)} labels")
    if hasattr(inputs, "columns"):
        columns = {str(name): pa.array(inputs[name]) for name in inputs.columns}
    else:
        array = np.asarray(inputs)
        if array.dtype.kind not in "iufb":
            raise InputError(f"data: {split}: rows of numbers are needed; got {array.dtype}")
        columns = {f"x{k}": pa.array(array[:, k].astype(float)) for k in range(array.shape[1])}
    if {"label", "image", "text"} & columns.keys():
        raise InputError(f"data: {split}: columns called label, image or text: rename them")
    named = [_label(label, f"data: {split}[{row}]") for row, label in enumerate(labels)]
    if len({type(label) for label in named}) > 1:
        raise InputError(f"data: {split}: labels are numbers and names; give one kind")
    return pa.table({**columns, "label": named})


def _pairs(part: Any, split: str) -> Iterator[tuple[Any, Any]]:
    if isinstance(part, tuple) and len(part) == 2 and _is_column(part[1]):
        inputs, labels = part
        if len(inputs) != len(labels):
            raise InputError(f"data: {split}: {len(inputs)} inputs, but {len(labels)} labels")
        yield from zip(inputs, labels, strict=True)
        return
    _require_labels(part, split)
    if hasattr(part, "iloc"):
        raise InputError(
            f"data: {split}: a {type(part).__name__} of pandas; write it as a file, and give its "
            "path: frame.to_parquet('people.parquet')"
        )
    if not hasattr(part, "__len__") or not hasattr(part, "__getitem__"):
        raise InputError(
            f"data: {split}: (inputs, labels) or a Dataset is needed; got {type(part).__name__}"
        )
    for position in range(len(part)):
        yield _pair(part[position], f"data: {split}[{position}]")


def _require_labels(part: Any, split: str) -> None:
    """Refuse two columns of one length whose second has no class for each example."""
    if not isinstance(part, tuple) or len(part) != 2:
        return
    sizes = [len(each) if getattr(each, "shape", None) != () else 0 for each in part]
    if sizes[0] == sizes[1] and sizes[0] > 2:
        got = getattr(part[1], "shape", None) or f"{part[1][0]!r}, ..."
        raise InputError(
            f"data: {split}: labels are a whole number or a name for each example; got {got}"
        )


def _is_column(labels: Any) -> bool:
    """Whether the second of two is all labels."""
    if hasattr(labels, "ndim"):
        return bool(labels.ndim == 1)
    return isinstance(labels, Sequence) and all(isinstance(v, int | str) for v in labels[:10])


def _pair(example: Any, where: str) -> tuple[Any, Any]:
    if isinstance(example, Mapping):
        found = [next((k for k in keys if k in example), None) for keys in (INPUTS, LABELS)]
        if None not in found:
            return example[found[0]], example[found[1]]
        raise InputError(
            f"{where}: has {', '.join(map(str, example))}; one of {', '.join(INPUTS)} and one of "
            f"{', '.join(LABELS)} are needed"
        )
    if isinstance(example, tuple | list) and len(example) == 2:
        return example[0], example[1]
    raise InputError(f"{where}: a pair of input and label is needed; got {type(example).__name__}")


def _label(label: Any, where: str) -> int | str:
    if isinstance(label, str):
        return label
    try:
        number = np.asarray(label)
        if number.size == 1 and number.dtype.kind in "iub":
            return int(number.reshape(-1)[0])
    except (TypeError, ValueError):
        pass
    raise InputError(f"{where}: a label is a whole number or a name; got {label!r}")


def _png(value: Any, where: str) -> bytes:
    image = value if isinstance(value, Image.Image) else Image.fromarray(_pixels(value, where))
    sink = BytesIO()
    image.save(sink, "PNG", compress_level=1)
    return sink.getvalue()


def _pixels(value: Any, where: str) -> NDArray[np.uint8]:
    """(h, w) or (h, w, 3) of an array in either order, of bytes or of fractions of 255."""
    array = np.asarray(value)
    if array.ndim == 2:
        array = array[None]
    if not array.size:
        raise InputError(f"{where}: an image without pixels, {array.shape}")
    if array.ndim != 3 or not {array.shape[0], array.shape[2]} & set(_CHANNELS):
        raise InputError(
            f"{where}: an image (c, h, w) or (h, w, c) with 1 or 3 channels, or a text, is needed; "
            f"got {array.dtype} {array.shape}"
        )
    if array.shape[0] in _CHANNELS:
        array = array.transpose(1, 2, 0)
    if array.dtype.kind == "f":
        levels = np.round(array * 255)
        if (
            not np.allclose(levels, array * 255, atol=1e-3)
            or levels.min() < 0
            or levels.max() > 255
        ):
            if array.min() >= 0 and 1 < array.max() <= 255:
                raise InputError(
                    f"{where}: fractions from {array.min():g} to {array.max():g}; pixels are uint8 "
                    "from 0 to 255 or fractions from 0 to 1"
                )
            raise InputError(
                f"{where}: fractions that are no pixels of 256 levels; give images without "
                "normalisation and augmentation: mubench normalises"
            )
        array = levels
    elif array.dtype != np.uint8:
        raise InputError(f"{where}: images are uint8 or fractions; got {array.dtype}")
    array = array.astype(np.uint8)
    return array[..., 0] if array.shape[2] == 1 else array


def _class_names(part: Any) -> list[str]:
    """The names that torchvision's data sets and those of the hub have for numbers."""
    features = getattr(part, "features", None)
    if isinstance(features, Mapping):
        named: Iterable[Any] = (features.get(key) for key in LABELS)
        names = next((f.names for f in named if getattr(f, "names", None)), ())
    else:
        names = getattr(part, "classes", None) or ()
    return [str(name) for name in names]
