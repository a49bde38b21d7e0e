"""A small table as people have them: numbers, categories, gaps, and a split by jobs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

JOBS = ("clerk", "farmer", "nurse", "teacher")


def people(n: int = 200, seed: int = 0) -> Iterator[dict[str, str]]:
    """Rows as a CSV has them; income follows age and hours, with some luck."""
    rng = np.random.default_rng(seed)
    for _ in range(n):
        age, hours = int(rng.integers(18, 80)), int(rng.integers(10, 60))
        is_rich = age + hours + rng.normal(0, 8) > 84
        yield {
            "age": str(age),
            "job": str(rng.choice(JOBS)),
            "hours": "?" if rng.random() < 0.1 else str(hours),
            "sex": str(rng.choice(["f", "m"])),
            "gain": f"{rng.gamma(1.5, 1000):.2f}",
            "income": ">50K" if is_rich else "<=50K",
        }


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path
