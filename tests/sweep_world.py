"""A sweep so small that running it costs less than starting Ray, and how tests look at it."""

import copy
from typing import Any

import yaml

TINY: dict[str, Any] = {
    "name": "tiny",
    "grid": {
        "dataset": [{"name": "digits", "flip_labels": 0.2, "train_size": 200}],
        "model": ["small_cnn"],
        "forget": [{"scenario": "random", "ratio": 0.1}],
    },
    "methods": {"ga": {}},
    "shared": {"batch_size": 32},
    "training": {"epochs": 1},
    "search": {"trials": 2},
    "seeds": {
        "search": {"train": [100], "forget": [100]},
        "final": {"train": [0], "forget": [0]},
    },
    "floor": 1,
}
"""Ten steps: two originals, three Retrains, two candidates, three final steps."""

MEASURED = frozenset({"rte_seconds", "wall_seconds", "prepare_seconds", "peak_mib"})
"""Metrics that no two runs share; all others are equal on the same processor."""


def write(path, **changes):
    """Write the tiny sweep as YAML with some top-level keys changed; return the path as text."""
    node = {**copy.deepcopy(TINY), **changes}
    path.write_text(yaml.safe_dump(node, sort_keys=False))
    return str(path)


def values(record):
    """All of a record that two runs on one processor share."""
    metrics = {name: value for name, value in record.metrics.items() if name not in MEASURED}
    return (record.status, record.message, dict(record.params), record.candidate, metrics)


def all_values(records):
    """Those of every record, by id."""
    return {key: values(record) for key, record in records.items()}
