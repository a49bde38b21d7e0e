"""Records to rows: means, spreads, distances to Retrain, noise floor, in the units of records."""

import math
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

from mubench.metrics.gap import TERMS, Values
from mubench.report.analysis.format import STATUS_WORDS, row_title, shown_values
from mubench.report.analysis.luck import tuning_luck
from mubench.report.analysis.noise import Floor, noise_floor
from mubench.store.record import Record, is_scored
from mubench.store.results import SweepResults
from mubench.sweep.grid import kind_and_ratio
from mubench.sweep.kinds import ORIGINAL, REFERENCES, RETRAIN

COLUMNS = (*TERMS, "gap", "rte_seconds")
SELECTIONS = ("tuned", "default")


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` requests and its sample standard deviation (None for one request)."""

    mean: float
    spread: float | None
    n: int


@dataclass(frozen=True)
class Row:
    """One row of a results table: a method (or reference) under one selection, over requests."""

    label: str
    selection: str
    method: str
    given: Mapping[str, Any]
    """Hyperparameters that the sweep file fixes."""
    estimates: Mapping[str, Estimate]
    distances: Mapping[str, float]
    """|mean - Retrain's mean| over the same requests; under `gap` the mean of those known."""
    expected: int
    records: tuple[Record, ...]
    searched: tuple[Record, ...] = ()
    """Records of the searches that tuned the row."""

    def luck(self, metric: str) -> float | None:
        """Standard deviation of the mean that comes from tuning; see `tuning_luck`."""
        if metric not in self._luck:  # every comparison of the row asks for it
            self._luck[metric] = tuning_luck(self.searched, metric)
        return self._luck[metric]

    @cached_property
    def _luck(self) -> dict[str, float | None]:
        return {}

    @property
    def title(self) -> str:
        """The row's name for people."""
        return row_title(self.label, self.method, self.given)

    @property
    def grid_values(self) -> Mapping[str, Any]:
        """The hyperparameters that tell the row from others of its method."""
        return shown_values(self.label, self.method, self.given)

    @property
    def scored(self) -> tuple[Record, ...]:
        """The records that hold numbers."""
        return tuple(record for record in self.records if is_scored(record))

    @property
    def is_complete(self) -> bool:
        """Whether the row is ranked."""
        statuses = [record.status for record in self.scored]
        return "gap" in self.estimates and is_complete(statuses, self.expected)

    def issues(self) -> tuple[str, ...]:
        """Say what went wrong: statuses, missing steps and flags, each with its count."""
        counts = Counter(record.status for record in self.records)
        issues = [
            f"{counts[status]} of {self.expected} {word}{self._why(status)}"
            for status, word in STATUS_WORDS.items()
            if counts[status]
        ]
        missing = self.expected - len(self.records)
        issues += [f"{missing} of {self.expected} not run yet"] if missing > 0 else []
        flags = Counter(flag for record in self.records for flag in record.flags)
        issues += [f"{flag} ({n} of {self.expected})" for flag, n in sorted(flags.items())]
        return tuple(issues)

    def _why(self, status: str) -> str:
        messages = {r.message for r in self.records if r.status == status and r.message}
        return f" ({'; '.join(sorted(messages))})" if messages else ""


@dataclass(frozen=True)
class Cell:
    """One block of results: dataset x model x scenario."""

    name: str
    dataset: str
    model: str
    scenario: str
    retrain: Row
    original: Row
    floor: Floor | None
    methods: tuple[Row, ...]
    """Tuned rows first, then defaults; each in the order of the sweep file."""
    controls: tuple[Row, ...]
    """Rows that forget nothing; they are in no ranking and no comparison of methods."""
    searched: Mapping[str, tuple[Record, ...]]
    """Search records by row, in the order of the sweep file."""
    forget_signal: float | None
    """Mean |UA(original) - UA(Retrain)| over requests: how much there is to forget."""

    @property
    def kind(self) -> str:
        """The scenario without its ratio: `random`, `class`, `group`, `random-stratified`."""
        return kind_and_ratio(self.scenario)[0]

    @property
    def ratio(self) -> float | None:
        """The forget ratio, where the scenario has one."""
        return kind_and_ratio(self.scenario)[1]

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, references first and controls last."""
        return (self.retrain, self.original, *self.methods, *self.controls)

    def title_of(self, label: str) -> str:
        """The title of a row by its label; a label that the cell lacks is returned as it is."""
        return next((row.title for row in self.rows if row.label == label), label)

    @property
    def is_empty(self) -> bool:
        """Whether no step of this cell has completed."""
        return not any(row.records for row in self.rows)

    @property
    def leading_selection(self) -> str | None:
        """The selection whose best row the report puts first: tuned rows if any are ranked."""
        return next((selection for selection in SELECTIONS if self.ranked(selection)), None)

    def ranked(self, selection: str) -> tuple[Row, ...]:
        """Return the complete rows of one selection, smallest Avg. Gap first."""
        rows = [row for row in self.methods if row.selection == selection and row.is_complete]
        return tuple(sorted(rows, key=lambda row: row.estimates["gap"].mean))


def is_complete(statuses: Collection[str], expected: int) -> bool:
    """Whether every planned request has a number, and not all of them diverged.

    Args:
        statuses: of the requests that have numbers.
        expected: how many were planned.
    """
    return "ok" in statuses and len(statuses) >= expected


def estimate(values: Sequence[float]) -> Estimate:
    """Return mean and sample standard deviation.

    >>> estimate([1.0, 3.0])
    Estimate(mean=2.0, spread=1.4142135623730951, n=2)
    """
    mean = statistics.fmean(values)
    if len(values) == 1:
        return Estimate(mean, None, 1)
    squares = math.fsum((value - mean) ** 2 for value in values)
    return Estimate(mean, math.sqrt(squares / (len(values) - 1)), len(values))


def aggregate(source: SweepResults) -> tuple[Cell, ...]:
    """Return the cells of a sweep in its order; pure, and independent of the records' order."""
    by_cell: dict[str, list[Record]] = {name: [] for name in source.cells}
    for record in source.latest_records:
        if record.cell in by_cell:
            by_cell[record.cell].append(record)
    return tuple(_cell(source, name, records) for name, records in by_cell.items())


def _cell(source: SweepResults, name: str, records: Sequence[Record]) -> Cell:
    retrains = [r for r in records if r.kind == "retrain" and r.purpose == "final"]
    anchors = [r for r in retrains if r.replica == 0]
    finals = [r for r in records if r.kind == "final"]
    originals = [r for r in finals if r.method == ORIGINAL]
    targets = {r.request: r.metrics for r in anchors if is_scored(r)}
    planned = {k[1:]: n for k, n in source.expected.items() if k[0] == name}
    requests = max(planned.values(), default=0)
    first = next(iter(records), None)
    searched = _by_row(source, [r for r in records if r.kind == "search"])
    return Cell(
        name=name,
        dataset=first.dataset if first else "",
        model=first.model if first else "",
        scenario=first.scenario if first else "",
        retrain=_row(RETRAIN, "", anchors, planned.get((RETRAIN, ""), requests), targets),
        original=_row(ORIGINAL, "", originals, planned.get((ORIGINAL, ""), requests), targets),
        floor=_floor(retrains),
        methods=_methods(source, finals, planned, targets, searched),
        controls=_selected(source, "control", finals, planned, targets),
        searched=searched,
        forget_signal=_forget_signal(originals, targets),
    )


def _methods(
    source: SweepResults,
    finals: Sequence[Record],
    planned: Mapping[tuple[str, str], int],
    targets: Mapping[str, Values],
    searched: Mapping[str, tuple[Record, ...]],
) -> tuple[Row, ...]:
    """Return the rows of methods, tuned ones first."""
    tuned, default = (_selected(source, s, finals, planned, targets) for s in SELECTIONS)
    return (*(replace(row, searched=searched.get(row.label, ())) for row in tuned), *default)


def _selected(
    source: SweepResults,
    selection: str,
    finals: Sequence[Record],
    planned: Mapping[tuple[str, str], int],
    targets: Mapping[str, Values],
) -> tuple[Row, ...]:
    """Return the rows of one selection that were planned or have records."""
    by_row = _by_row(source, [r for r in finals if r.selection == selection])
    rows = []
    for label in source.rows:
        records, expected = by_row.get(label, ()), planned.get((label, selection), 0)
        if label not in REFERENCES and (records or expected):
            rows.append(_row(label, selection, records, expected, targets, source.named(label)))
    return tuple(rows)


def _by_row(source: SweepResults, records: Iterable[Record]) -> dict[str, tuple[Record, ...]]:
    """Return records by row, in the order of the sweep file."""
    by_row: dict[str, list[Record]] = {label: [] for label in source.rows}
    for record in records:
        if record.row in by_row:
            by_row[record.row].append(record)
    return {label: tuple(members) for label, members in by_row.items() if members}


def _row(
    label: str,
    selection: str,
    records: Sequence[Record],
    expected: int,
    targets: Mapping[str, Values],
    named: Record | None = None,
) -> Row:
    """Return a row; `named` is any record of it, perhaps of another cell."""
    return Row(
        label=label,
        selection=selection,
        method=named.method or label if named else label,
        given=named.given if named else {},
        estimates=_estimates(records),
        distances=_distances(records, targets),
        expected=max(expected, len(records)),
        records=tuple(records),
    )


def finite_values(records: Iterable[Record], metric: str) -> list[float]:
    """Return a metric's finite values of the records that hold numbers."""
    values = [r.metrics[metric] for r in records if is_scored(r) and metric in r.metrics]
    return [value for value in values if math.isfinite(value)]


def _estimates(records: Sequence[Record]) -> dict[str, Estimate]:
    columns = {metric: finite_values(records, metric) for metric in COLUMNS}
    return {metric: estimate(values) for metric, values in columns.items() if values}


def _distances(records: Sequence[Record], targets: Mapping[str, Values]) -> dict[str, float]:
    scored = [r for r in records if is_scored(r) and r.request in targets]
    by_term = distances([(r.metrics, targets[r.request]) for r in scored])
    return {**by_term, "gap": statistics.fmean(by_term.values())} if by_term else {}


def distances(pairs: Sequence[tuple[Values, Values]]) -> dict[str, float]:
    """Return what papers print in parentheses: |mean difference to Retrain| of the four values.

    A pair has the values of a model and those of Retrain on one request.
    """
    differences = {
        term: [u[term] - r[term] for u, r in pairs if term in u and term in r] for term in TERMS
    }
    return {term: abs(statistics.fmean(values)) for term, values in differences.items() if values}


def _floor(retrains: Sequence[Record]) -> Floor | None:
    scored = [r for r in retrains if is_scored(r)]
    pairs = [(a.metrics, b.metrics) for a, b in combinations(scored, 2) if a.request == b.request]
    return noise_floor(pairs, tuple(scored))


def _forget_signal(originals: Sequence[Record], targets: Mapping[str, Values]) -> float | None:
    differences = [
        abs(r.metrics["ua"] - targets[r.request]["ua"])
        for r in originals
        if "ua" in r.metrics and "ua" in targets.get(r.request, {})
    ]
    return statistics.fmean(differences) if differences else None
