"""A data set of Parquet files, written and read."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from mubench.data.cache.decoded import stored_dataset

CARD = {
    "name": "toy",
    "modules": ["mubench.data.sources.parquet"],
    "modality": "image",
    "classes": ["cat", "dog"],
    "input_shape": [3, 4, 6],
    "max_value": 255,
    "mean": [0.5] * 3,
    "std": [0.5] * 3,
    "options": {},
    "augment": {"pad": 1, "flip": True},
}
PIXELS = np.random.default_rng(0).integers(0, 256, (30, 4, 6, 3), dtype=np.uint8)
LABELS = [i % 2 for i in range(30)]


def encode(image: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


PNG = [encode(image) for image in PIXELS]


def write_parquet(path: Path, images=PNG, labels=LABELS, names=None, column="img", label="label"):
    """A split in Hugging Face's schema."""
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    structs = [{"bytes": image, "path": None} for image in images]
    table = pa.table({column: pa.array(structs, kind), label: pa.array(labels)})
    if names:
        about = {"info": {"features": {label: {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(about)})
    pq.write_table(table, path)


def read_stored(folder: Path, **changes):
    """The data set as it is kept: in the cache, which is filled if it must be."""
    return stored_dataset({**CARD, **changes}, folder.parent)


def whole(found, name: str = "inputs") -> np.ndarray:
    """Training and validation examples together, in the order of ids."""
    held = [found.splits["train"], found.splits["validation"]]
    order = np.argsort(np.concatenate([split.ids for split in held]))
    return np.concatenate([np.asarray(getattr(split, name)) for split in held])[order]
