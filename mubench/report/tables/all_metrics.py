"""All metrics of a cell beside those of the main table."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from mubench.metrics.metric_info import MetricInfo
from mubench.metrics.post_hoc import all_metrics
from mubench.report.analysis.aggregate import (
    COLUMNS,
    SELECTIONS,
    Cell,
    Row,
    estimate,
    finite_values,
)
from mubench.report.analysis.evidence import Power, powers
from mubench.report.analysis.format import MINUS, format_percent, format_seconds
from mubench.report.tables.details import Details

_HIDDEN = frozenset(COLUMNS) | {
    *("retrain_ua", "retrain_ra", "retrain_ta", "retrain_mia_svc", "objective"),
}
"""Shown in the main table, or meaningful for searches only."""
_AIMS = {"match": "equal to Retrain", "lower": "lower", "higher": "higher", "none": ""}


@dataclass(frozen=True)
class MetricTable:
    """Metrics as rows; Retrain, Original and the leading rows as columns."""

    columns: tuple[str, ...]
    lines: tuple[tuple[MetricInfo, tuple[str, ...]], ...]
    """A metric, and its mean ± standard deviation in each column."""
    powers: Mapping[str, Power]
    """How well metrics tell the original from Retrain, where that is known."""
    selection: str

    @property
    def details(self) -> Details | None:
        """The table as it is printed; None where there is no further metric."""
        if not self.lines:
            return None
        hint = (
            "Mean ± standard deviation over requests; fractions in percent. Power: requests in "
            "which the original is farther from Retrain than another Retrain; where these are not "
            "clearly more than half, the metric is grey: it cannot show here that anything was "
            "forgotten."
        )
        return Details(
            title="All metrics",
            hint=f"{hint} {self.selection.capitalize()} rows." if self.selection else hint,
            headings=("Metric", "Better when", "Power", *self.columns),
            rows=tuple(
                (info.title, _AIMS[info.aim], self._power(info.name), *texts)
                for info, texts in self.lines
            ),
            words=frozenset({"Metric", "Better when"}),
            descriptions=tuple(info.description for info, _ in self.lines),
            faint=frozenset(
                number
                for number, (info, _) in enumerate(self.lines)
                if info.name in self.powers and self.powers[info.name].is_lacking
            ),
        )

    def _power(self, metric: str) -> str:
        """`9 of 9`: in how many requests the original is farther from Retrain than a Retrain."""
        power = self.powers.get(metric)
        return f"{power.wins} of {power.of}" if power else ""


def metric_table(cell: Cell) -> MetricTable:
    """Return every metric that any of the rows has."""
    selection = next((s for s in SELECTIONS if any(r.selection == s for r in cell.methods)), "")
    methods = [row for row in cell.methods if row.selection == selection]
    rows = [cell.retrain, cell.original, *methods, *cell.controls]
    recorded = {name for row in rows for record in row.scored for name in record.metrics}
    known = all_metrics()
    unknown = {name: _unknown_metric(name) for name in sorted(recorded - known.keys())}
    lines = [
        (info, tuple(_text(info, row) for row in rows))
        for name, info in {**known, **unknown}.items()
        if name in recorded and name not in _HIDDEN
    ]
    shown = powers(cell, [info.name for info, _ in lines])
    return MetricTable(tuple(row.title for row in rows), tuple(lines), shown, selection)


def _unknown_metric(name: str) -> MetricInfo:
    """Describe a metric of a plug-in that is not loaded here."""
    return MetricInfo(name, name, "ratio", "none", "A metric of a plug-in that is not loaded here.")


def _text(info: MetricInfo, row: Row) -> str:
    values = finite_values(row.records, info.name)
    if not values:
        return "—"
    value = estimate(values)
    mean = number(info, value.mean, value.mean)
    return mean if value.spread is None else f"{mean} ± {number(info, value.spread, value.mean)}"


def number(info: MetricInfo, value: float, mean: float) -> str:
    """Print a value in its unit, with the decimals of the mean that it belongs to."""
    if info.unit == "fraction":
        return format_percent(value)
    if info.unit == "seconds":
        return format_seconds(value, like=mean)
    if info.unit == "joules":
        text = _three_digits(value, mean, is_count=True)
        return f"{text}{'' if text[-1].isalpha() else ' '}J"
    return _three_digits(value, mean, is_count=info.unit in ("examples", "flops"))


def _three_digits(value: float, mean: float, *, is_count: bool) -> str:
    """Print a number to three digits of the mean; counts in thousands, millions and so on.

    >>> _three_digits(1234.0, 1234.0, is_count=True), _three_digits(5e8, 5.6e9, is_count=True)
    ('1.23 k', '0.50 G')
    >>> _three_digits(-12.345, -12.345, is_count=False), _three_digits(2e-7, 3e-6, is_count=False)
    ('−12.3', '0.20e-6')
    """
    exponent = math.floor(math.log10(abs(mean))) if mean else 0
    size, suffix = 1.0, ""
    if is_count and exponent >= 3:
        steps = min(exponent // 3, 4)
        size, suffix = 1000.0**steps, " " + "kMGT"[steps - 1]
        exponent -= 3 * steps
    elif exponent < -3:
        size, suffix, exponent = 10.0**exponent, f"e{exponent}", 0
    return f"{value / size:.{max(0, 2 - exponent)}f}{suffix}".replace("-", MINUS, value < 0)
