"""One MLflow run as plain data: names and values that MLflow takes, status, times, curve. Pure."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mubench.store.record import WORST, Record
from mubench.sweep.steps import Study

COLOR, NOTE = "mlflow.runColor", "mlflow.note.content"
"""Tags of MLflow: a run's colour in tables and charts, its description in Markdown."""
CREATED = "mubench.created"
"""Tag of mubench: when the record of a step's run was made."""
CURVE = "search/"
"""What the names of the metrics of a search's curve begin with."""
_KEY_LENGTH, _VALUE_LENGTH = 250, 5000


@dataclass(frozen=True)
class MetricPoint:
    """One value of a metric, at one step of its curve (step 0 for a metric without a curve)."""

    name: str
    value: float
    step: int
    time: int
    """Milliseconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class RunData:
    """One MLflow run. Metrics are finite; times are milliseconds since 1970."""

    key: str
    """Identifies the run, in the tag `mubench.key`."""
    parent: str
    """Key of the parent run; empty for the sweep's own run."""
    name: str
    status: str
    start: int
    end: int
    tags: Mapping[str, str]
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[MetricPoint, ...] = ()


def finite(values: Mapping[str, float | None]) -> dict[str, float]:
    """Return the finite values, under names that MLflow takes: it would turn inf into 1.8e308."""
    return {
        clean(name): float(value)
        for name, value in values.items()
        if value is not None and math.isfinite(value)
    }


def milliseconds(created: str) -> int:
    """Return an ISO 8601 time in milliseconds since 1970, MLflow's unit."""
    return round(1000 * datetime.fromisoformat(created).timestamp())


def clean(name: str) -> str:
    """Return a name without the characters that MLflow refuses, brackets for example."""
    return re.sub(r"[^\w\-. /]+", " ", name).strip()[:_KEY_LENGTH]


def cut(text: str) -> str:
    """Return a text cut to the longest value that MLflow takes."""
    return text if len(text) <= _VALUE_LENGTH else text[: _VALUE_LENGTH - 1] + "…"


def curve(studies: Sequence[Study], records: Mapping[str, Record]) -> tuple[MetricPoint, ...]:
    """Return objective and best objective so far of a row's searches, on their first requests.

    They go up to the first candidate that has no record in one of the searches: points are sent
    once, so a longer curve has to begin with the shorter one.
    """
    points: list[MetricPoint] = []
    best = [WORST] * len(studies)
    for k, keys in enumerate(zip(*(study.rounds[0] for study in studies), strict=True)):
        if not all(key in records for key in keys):
            break
        for number, key in enumerate(keys):
            prefix = f"{CURVE}{number}/" if number else CURVE
            value = records[key].metrics.get("objective", WORST)
            best[number] = min(best[number], value)
            found = {f"{prefix}objective": value, f"{prefix}best_objective": best[number]}
            time = span([records[key]])[1]
            points += [MetricPoint(name, each, k, time) for name, each in finite(found).items()]
    return tuple(points)


def status(ids: Iterable[str], records: Mapping[str, Record], unfinished: str) -> str:
    """Return FAILED where any step failed, FINISHED where all have records, else `unfinished`."""
    of_steps = [records.get(key) for key in ids]
    if any(record is not None and record.is_failure for record in of_steps):
        return "FAILED"
    return unfinished if None in of_steps else "FINISHED"


def span(records: Iterable[Record]) -> tuple[int, int]:
    """Return first start and last end of the steps, in milliseconds since 1970; 0 without any."""
    ends = [(milliseconds(r.created), r.seconds) for r in records]
    start = min((end - round(1000 * seconds) for end, seconds in ends), default=0)
    return start, max((end for end, _ in ends), default=0)
