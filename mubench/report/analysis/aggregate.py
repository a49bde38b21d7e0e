"""Records to rows: means, spreads, distances to Retrain and the noise floor, all in fractions."""

import math
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mubench.metrics.gap import TERMS, gap, gap_of_means
from mubench.report.format import STATUS_WORDS
from mubench.store.record import Record
from mubench.store.results import ReportSource

COLUMNS = (*TERMS, "gap", "rte_seconds")
SELECTIONS = ("tuned", "default")
REFERENCES = ("retrain", "original")
_RATIO = re.compile(r"-(\d+(?:\.\d+)?(?:e-?\d+)?)(?=-|$)")


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
    estimates: Mapping[str, Estimate]
    distances: Mapping[str, float]
    """|mean - Retrain's mean| over the same requests; under `gap` the mean of the four."""
    expected: int
    records: tuple[Record, ...]

    @property
    def method(self) -> str:
        """The row's method, without its grid values."""
        return self.label.partition("[")[0]

    @property
    def scored(self) -> tuple[Record, ...]:
        """The records that hold numbers."""
        return tuple(record for record in self.records if is_scored(record))

    @property
    def is_complete(self) -> bool:
        """Whether every planned final step has a number, and not all diverged: so it is ranked."""
        is_any_ok = any(record.status == "ok" for record in self.records)
        return is_any_ok and self.expected <= len(self.scored) and "gap" in self.estimates

    def troubles(self) -> tuple[str, ...]:
        """Say what did not go well: statuses, missing steps and flags, each with its count."""
        counts = Counter(record.status for record in self.records)
        said = [
            f"{counts[status]} of {self.expected} {word}{self._why(status)}"
            for status, word in STATUS_WORDS.items()
            if counts[status]
        ]
        missing = self.expected - len(self.records)
        said += [f"{missing} of {self.expected} not run yet"] if missing > 0 else []
        flags = Counter(flag for record in self.records for flag in record.flags)
        said += [f"{flag} ({n} of {self.expected})" for flag, n in sorted(flags.items())]
        return tuple(said)

    def _why(self, status: str) -> str:
        told = {r.message for r in self.records if r.status == status and r.message}
        return f" ({'; '.join(sorted(told))})" if told else ""


@dataclass(frozen=True)
class Floor:
    """How far Retrains of the same request, with other seeds, lie from each other."""

    mean: Mapping[str, float]
    percentile_95: Mapping[str, float]
    pairs: int
    records: tuple[Record, ...]


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
    searched: Mapping[str, tuple[Record, ...]]
    """Search records by row, in the order of the sweep file."""
    forget_signal: float | None
    """Mean |UA(original) - UA(Retrain)| over requests: what there is to be forgotten."""

    @property
    def kind(self) -> str:
        """The scenario without its ratio: `random`, `class`, `group`, `random-stratified`."""
        return _RATIO.sub("", self.scenario, count=1)

    @property
    def ratio(self) -> float | None:
        """The forget ratio, where the scenario has one."""
        found = _RATIO.search(self.scenario)
        return float(found[1]) if found else None

    @property
    def is_empty(self) -> bool:
        """Whether nothing of this cell has finished."""
        return not any(row.records for row in (self.retrain, self.original, *self.methods))

    def ranked(self, selection: str) -> tuple[Row, ...]:
        """Return the complete rows of one selection, smallest Avg. Gap first."""
        rows = [row for row in self.methods if row.selection == selection and row.is_complete]
        return tuple(sorted(rows, key=lambda row: row.estimates["gap"].mean))


def is_scored(record: Record) -> bool:
    """Whether a record holds numbers about its method: finished, or diverged and evaluated."""
    return record.status in ("ok", "diverged") and bool(record.metrics)


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


def aggregate(source: ReportSource) -> tuple[Cell, ...]:
    """Return the cells of a sweep in its order; pure, and independent of the records' order."""
    held: dict[str, list[Record]] = {name: [] for name in source.cells}
    for record in source.newest():
        if record.cell in held:
            held[record.cell].append(record)
    return tuple(_cell(source, name, records) for name, records in held.items())


def _cell(source: ReportSource, name: str, records: Sequence[Record]) -> Cell:
    retrains = [r for r in records if r.kind == "retrain" and r.purpose == "final"]
    anchors = [r for r in retrains if r.replica == 0]
    finals = [r for r in records if r.kind == "final"]
    searches = [r for r in records if r.kind == "search"]
    originals = [r for r in finals if r.method == "original"]
    targets = {r.request: r.metrics for r in anchors if is_scored(r)}
    planned = {k[1:]: n for k, n in source.expected.items() if k[0] == name}
    requests = max(planned.values(), default=0)

    def row(label: str, selection: str, mine: Sequence[Record], expected: int) -> Row:
        count = max(planned.get((label, selection), expected), len(mine))
        return Row(
            label, selection, _estimates(mine), _distances(mine, targets), count, tuple(mine)
        )

    methods = [
        row(label, selection, mine, 0)
        for selection in SELECTIONS
        for label in source.rows
        if label not in REFERENCES
        and (
            (mine := [r for r in finals if r.row == label and r.selection == selection])
            or planned.get((label, selection))
        )
    ]
    dataset, model, scenario = (["", "", *name.split("/")])[-3:]
    return Cell(
        name=name,
        dataset=dataset,
        model=model,
        scenario=scenario,
        retrain=row("retrain", "", anchors, requests),
        original=row("original", "", originals, requests),
        floor=_floor(retrains),
        methods=tuple(methods),
        searched={
            label: found
            for label in source.rows
            if (found := tuple(r for r in searches if r.row == label))
        },
        forget_signal=_forget_signal(originals, targets),
    )


def finite_values(records: Iterable[Record], metric: str) -> list[float]:
    """Return a metric's finite values of the records that hold numbers."""
    held = [r.metrics[metric] for r in records if is_scored(r) and metric in r.metrics]
    return [value for value in held if math.isfinite(value)]


def _estimates(records: Sequence[Record]) -> dict[str, Estimate]:
    columns = {metric: finite_values(records, metric) for metric in COLUMNS}
    return {metric: estimate(values) for metric, values in columns.items() if values}


def _distances(
    records: Sequence[Record], targets: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Return the gaps of means: what papers print in parentheses."""
    held = [r for r in records if is_scored(r) and r.request in targets]
    mine, goals = [r.metrics for r in held], [targets[r.request] for r in held]
    terms = [m for m in TERMS if held and all(m in values for values in (*mine, *goals))]
    found = {
        term: abs(statistics.fmean(u[term] - r[term] for u, r in zip(mine, goals, strict=True)))
        for term in terms
    }
    return {**found, "gap": gap_of_means(mine, goals)} if found else {}


def _floor(retrains: Sequence[Record]) -> Floor | None:
    scored = [r for r in retrains if is_scored(r)]
    pairs = [(a.metrics, b.metrics) for a, b in combinations(scored, 2) if a.request == b.request]
    if not pairs:
        return None
    apart = {
        term: [abs(a[term] - b[term]) for a, b in pairs if term in a and term in b]
        for term in TERMS
    }
    apart["gap"] = [gap(a, b).value for a, b in pairs]
    held = {metric: values for metric, values in apart.items() if values}
    return Floor(
        mean={metric: statistics.fmean(values) for metric, values in held.items()},
        percentile_95={metric: float(np.percentile(v, 95)) for metric, v in held.items()},
        pairs=len(pairs),
        records=tuple(scored),
    )


def _forget_signal(
    originals: Sequence[Record], targets: Mapping[str, Mapping[str, float]]
) -> float | None:
    differences = [
        abs(r.metrics["ua"] - targets[r.request]["ua"])
        for r in originals
        if "ua" in r.metrics and "ua" in targets.get(r.request, {})
    ]
    return statistics.fmean(differences) if differences else None
