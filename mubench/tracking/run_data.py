"""One MLflow run as plain data, with names and values that MLflow takes. Pure."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

COLOR, NOTE = "mlflow.runColor", "mlflow.note.content"
"""Tags: a run's colour in tables and charts, its description in Markdown."""
_KEY_LENGTH, _VALUE_LENGTH = 250, 5000


@dataclass(frozen=True)
class Point:
    """A metric's value at a step of a curve."""

    name: str
    value: float
    step: int
    time: int
    """Milliseconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One MLflow run. Metrics are finite; times are milliseconds since 1970."""

    key: str
    """What the run is found again by, in the tag `mubench.key`."""
    parent: str
    """Key of the run above it; empty for the sweep's own."""
    name: str
    status: str
    start: int
    end: int
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[Point, ...] = ()


def finite(values: Mapping[str, float | None]) -> dict[str, float]:
    """Names that MLflow takes, and finite numbers only: it would turn inf into 1.8e308."""
    return {
        clean(name): float(value)
        for name, value in values.items()
        if value is not None and math.isfinite(value)
    }


def milliseconds(created: str) -> int:
    """An ISO 8601 time as MLflow counts it: milliseconds since 1970."""
    return round(1000 * datetime.fromisoformat(created).timestamp())


def clean(name: str) -> str:
    """A key that MLflow takes: `gap/tuned ugradsl[alpha=-0.2]` loses its brackets."""
    return re.sub(r"[^\w\-. /]+", " ", name).strip()[:_KEY_LENGTH]


def cut(text: str) -> str:
    """A value no longer than MLflow takes."""
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"
