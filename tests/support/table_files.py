"""A small table as people have them: numbers, categories, gaps, and a class that follows some."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mubench.data.cache.decoded import StoredDataset

JOBS = ("clerk", "farmer", "nurse", "teacher")
N = 200


def people(n: int = N, seed: int = 0, **more: Sequence[Any]) -> dict[str, list[str]]:
    """Columns as a CSV has them, `more` before the label; income follows age and hours."""
    rng = np.random.default_rng(seed)
    age, hours = rng.integers(18, 80, n), rng.integers(10, 60, n)
    is_rich = age + hours + rng.normal(0, 8, n) > 84
    known = rng.random(n) > 0.1
    return {
        "age": [str(value) for value in age],
        "job": [str(value) for value in rng.choice(JOBS, n)],
        "hours": [str(h) if k else "?" for h, k in zip(hours, known, strict=True)],
        "sex": [str(value) for value in rng.choice(["f", "m"], n)],
        "gain": [f"{value:.2f}" for value in rng.gamma(1.5, 1000, n)],
        **{name: [str(value) for value in values] for name, values in more.items()},
        "income": [">50K" if rich else "<=50K" for rich in is_rich],
    }


def write_csv(path: Path, columns: dict[str, list[str]]) -> Path:
    """A CSV with these columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join(",".join(row) for row in [tuple(columns), *rows]) + "\n")
    return path


def typed(columns: dict[str, list[str]], **kinds: pa.DataType) -> pa.Table:
    """The same with numbers as numbers, and gaps as nulls."""

    def values(name: str) -> pa.Array:
        texts = pa.array([None if text in ("", "?") else text for text in columns[name]])
        return texts.cast(kinds[name]) if name in kinds else texts

    return pa.table({name: values(name) for name in columns})


def cells(found: StoredDataset) -> dict[int, tuple[float, ...]]:
    """What is stored of each row, by id."""
    return {
        int(id_): tuple(split.inputs[row])
        for split in found.splits.values()
        for row, id_ in enumerate(split.ids)
    }
