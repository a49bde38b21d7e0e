"""All metrics of a cell beside those of the main table."""

from collections.abc import Sequence
from dataclasses import dataclass

from mubench.metrics.post_hoc import all_metrics
from mubench.report.analysis.aggregate import (
    COLUMNS,
    SELECTIONS,
    Cell,
    Row,
    estimate,
    finite_values,
)
from mubench.report.format import MINUS, points, row_title, seconds
from mubench.store.record import MetricInfo

_HIDDEN = frozenset(COLUMNS) | {
    *("retrain_ua", "retrain_ra", "retrain_ta", "retrain_mia_svc", "objective"),
    *("gap_paired", "gap_of_means"),
}
"""Shown in the main table already, or there for searches alone."""
AIMS = {"match": "= Retrain", "lower": "lower", "higher": "higher", "none": ""}


@dataclass(frozen=True)
class More:
    """Metrics as rows; Retrain, Original and the leading rows as columns."""

    columns: tuple[str, ...]
    lines: tuple[tuple[MetricInfo, tuple[str, ...]], ...]
    """A metric, and its mean ± standard deviation in each column."""
    selection: str


def more_metrics(cell: Cell) -> More:
    """Return every metric that any of the rows has."""
    selection = next((s for s in SELECTIONS if any(r.selection == s for r in cell.methods)), "")
    rows = [
        cell.retrain,
        cell.original,
        *(row for row in cell.methods if row.selection == selection),
    ]
    there = {name for row in rows for record in row.scored for name in record.metrics}
    known = all_metrics()
    strangers = {name: _stranger(name) for name in sorted(there - known.keys())}
    lines = [
        (info, tuple(_text(info, row) for row in rows))
        for name, info in {**known, **strangers}.items()
        if name in there and name not in _HIDDEN
    ]
    return More(tuple(row_title(row.label) for row in rows), tuple(lines), selection)


def _stranger(name: str) -> MetricInfo:
    """Describe a metric of a plug-in that is not loaded here."""
    return MetricInfo(name, name, "ratio", "none", "A metric of a plug-in that is not loaded here.")


def _text(info: MetricInfo, row: Row) -> str:
    held: Sequence[float] = finite_values(row.records, info.name)
    if not held:
        return "—"
    found = estimate(held)
    spread = "" if found.spread is None else f" ± {number(info, found.spread)}"
    return number(info, found.mean) + spread


def number(info: MetricInfo, value: float) -> str:
    """Print a value in its unit: fractions in percent, counts in thousands and millions."""
    if info.unit == "fraction":
        return points(value)
    if info.unit == "seconds":
        return seconds(value)
    if info.unit in ("examples", "flops"):
        return _large(value)
    return f"{value:.3g}".replace("-", MINUS)


def _large(value: float) -> str:
    """Print a count with a suffix.

    >>> _large(1234.0), _large(5.6e9), _large(12.0)
    ('1.23 k', '5.6 G', '12')
    """
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {suffix}"
    return f"{value:.3g}"
