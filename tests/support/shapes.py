"""A folder of grey shapes with groups, and sweeps over it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from mubench.run.open_sweep import open_sweep
from tests.support.parquet_files import encode
from tests.support.sweep_world import TINY, finish

CLASSES = ["round", "square"]
COUNTS = {0: 90, 1: 40, 2: 60, 3: 110}
"""Examples of each group; even groups are of class 0."""


def write_shapes(folder, sizes=COUNTS, test=40):
    """A folder of Parquet files: 8x8 grey images, label, and a group that no card knows of."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    for split, counts in (("train", sizes), ("test", dict.fromkeys(sizes, test))):
        groups = np.repeat(list(counts), list(counts.values()))
        order = generator.permutation(len(groups))
        pixels = generator.integers(0, 120, (len(groups), 8, 8)).astype(np.uint8)
        pixels[np.arange(len(groups)), groups * 2 % 8] = 255
        names = {"kind": {"names": CLASSES, "_type": "ClassLabel"}}
        table = pa.table(
            {
                "picture": [encode(pixels[i]) for i in order],
                "kind": (groups % 2)[order],
                "who": groups[order],
            }
        ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": names}})})
        pq.write_table(table, folder / f"{split}.parquet")
    return folder


def shapes_sweep(tmp_path, forget, **changes):
    """A tiny sweep over those shapes, as a file."""
    data = {
        "path": "shapes",
        "image": "picture",
        "label": "kind",
        "group": "who",
        **changes.pop("data", {}),
    }
    node = {
        **TINY,
        "grid": {"dataset": [data], "model": ["small_cnn"], "forget": [forget]},
        "training": {"epochs": 3},
        **changes,
    }
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(node, sort_keys=False))
    return str(path)


def run(tmp_path, forget, **changes):
    opened = open_sweep(
        shapes_sweep(tmp_path, forget, **changes), str(tmp_path / "store"), decode=True
    )
    return opened, finish(opened)


GROUP = {"scenario": "group", "search_groups": [3], "final_groups": [0]}
