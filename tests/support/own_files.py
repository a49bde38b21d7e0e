"""Data of a person's own, written in the layouts and formats that people have."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mubench.data.cache.decoded import StoredDataset, stored_dataset
from mubench.errors import MubenchError, is_one_line
from mubench.sweep.grid import DatasetSpec, datasets

SPLITS = ("train", "validation", "test")


def declared(path: Path | str, **entry: Any) -> DatasetSpec:
    """The data set that a sweep with this entry has."""
    [spec] = datasets({"path": str(path), **entry})
    return spec


def opened(path: Path | str, **entry: Any) -> StoredDataset:
    """The same, decoded."""
    return stored_dataset(declared(path, **entry).card.card, None)


def examples(found: StoredDataset) -> dict[int, tuple[Any, str]]:
    """Input and class of each example, by id."""
    return {
        int(id_): (split.inputs[row], found.class_names[split.labels[row]])
        for split in found.splits.values()
        for row, id_ in enumerate(split.ids)
    }


def solid(colour: Any, size: tuple[int, int] = (6, 4), mode: str = "RGB") -> Image.Image:
    """An image of one colour; size is (width, height)."""
    return Image.new(mode, size, colour)


def noise(seed: int, size: tuple[int, int] = (6, 4)) -> Image.Image:
    """An image unlike any other."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of its file."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def folder_of_images(folder: Path, classes: dict[str, int], seed: int = 0) -> Path:
    """`CLASS/N.png`, each image unlike any other."""
    number = seed
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            noise(number := number + 1).save(folder / name / f"{i:03}.png")
    return folder


def write_images(
    path: Path, images: list[bytes | None], labels: Any, names: list[str] | None = None
) -> Path:
    """Parquet in the hub's schema."""
    structs = [{"bytes": image, "path": None} for image in images]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(structs, kind), "label": labels})
    return write_table(path, table, names)


def write_table(path: Path, table: pa.Table, names: list[str] | None = None) -> Path:
    """A Parquet file, perhaps with class names for its column `label`."""
    if names:
        about = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


def texts(labels: Any, **more: Any) -> pa.Table:
    """A table of different texts with these labels."""
    count = len(labels)
    return pa.table({"text": [f"text number {i}" for i in range(count)], "label": labels, **more})


def refused(path: Path, **entry: object) -> str:
    """The one line with which data are refused, when they are described or decoded."""
    with pytest.raises((MubenchError, ValueError)) as caught:
        opened(path, **entry)
    text = str(caught.value)
    assert is_one_line(text)
    return text
