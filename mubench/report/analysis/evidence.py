"""Does a metric mean anything in a cell, and which rows does it tell from Retrain?

Both are asked of distances to the Retrain of the same request, beside those of further Retrains:
what is no farther than another Retrain cannot be told from one.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Literal

from mubench.errors import plural
from mubench.metrics.blocks import BLOCKS
from mubench.metrics.gap import TERMS
from mubench.metrics.metric_info import MetricInfo
from mubench.metrics.post_hoc import all_metrics
from mubench.metrics.weight_blocks import WEIGHT_BLOCKS
from mubench.report.analysis.aggregate import Cell, Estimate, Row, estimate
from mubench.report.analysis.comparisons import forget_set
from mubench.report.analysis.significance import (
    LEVEL,
    bootstrap_interval,
    fewest_pairs,
    holm,
    independent,
    share_interval,
    sign_flip_p,
)
from mubench.store.record import Record

MAIN = "Main table"
"""The block of UA, MIA, RA and TA."""

Standing = Literal["like Retrain", "unlike Retrain", "too few requests", "no power"]


@dataclass(frozen=True)
class Power:
    """How often a metric puts the original farther from Retrain than another Retrain."""

    wins: int
    of: int
    """Independent requests in which one of the two is farther."""
    requests: int
    """All of them, those with ties too."""

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95 % interval of the share."""
        return share_interval(self.wins, self.of) if self.of else (0.0, 1.0)

    @property
    def is_shown(self) -> bool:
        """Whether the metric tells the original from Retrain here: above one half."""
        return self.interval[0] > 0.5

    @property
    def is_lacking(self) -> bool:
        """Whether it does not, although there are requests enough to show it."""
        return not self.is_shown and self.requests >= fewest_pairs()


@dataclass(frozen=True, kw_only=True)
class RowTest:
    """One row under one metric."""

    row: Row
    metric: MetricInfo
    excess: tuple[float, ...]
    """By independent request: distance to Retrain, less the mean distance of other Retrains."""
    p_value: float
    """Of the exact sign-flip test that the mean excess is zero."""
    p_holm: float
    """Corrected for the rows under this metric."""
    family: int
    power: Power | None

    @property
    def mean(self) -> Estimate:
        """Mean and spread of the excess."""
        return estimate(self.excess)

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % bootstrap interval of the mean excess; None for one request."""
        return bootstrap_interval(self.excess)

    @property
    def standing(self) -> Standing:
        """Whether the row can be told from Retrain.

        A difference is one without power, too: RA may not tell the original from Retrain, and
        yet show damage. To be like Retrain means something only under a metric with power.
        """
        if len(self.excess) < fewest_pairs(self.family):
            return "too few requests"
        if math.fsum(self.excess) > 0 and self.p_holm <= LEVEL:
            return "unlike Retrain"
        if self.power is None or self.power.is_lacking:
            return "no power"
        return "like Retrain" if self.power.is_shown else "too few requests"


@dataclass(frozen=True)
class CellEvidence:
    """Distances to Retrain in one cell, under every metric that has a value to match."""

    cell: Cell

    @cached_property
    def metrics(self) -> tuple[MetricInfo, ...]:
        """The metrics under which several Retrains have a value, or a distance to Retrain.

        Those that are to be low, as gaps and divergences, are distances already.
        """
        if not self._replicas:
            return ()
        found = {name for r in self.cell.original.scored for name in r.metrics}
        known = all_metrics().values()
        return tuple(info for info in known if info.name in found and self.is_measured(info))

    def power(self, info: MetricInfo) -> Power | None:
        """The power of a metric; None where no request has another Retrain to compare with."""
        differences = self._excess(self.cell.original, info)
        if not differences:
            return None
        decided = [value for value in differences if value]
        return Power(sum(value > 0 for value in decided), len(decided), len(differences))

    def tests(self, info: MetricInfo, rows: Sequence[Row]) -> tuple[RowTest, ...]:
        """Each of some rows under a metric, corrected for all of them."""
        excess = {row.label: self._excess(row, info) for row in rows}
        tested = [row for row in rows if excess[row.label]]
        p_values = [sign_flip_p(excess[row.label]) for row in tested]
        power = self.power(info)
        return tuple(
            RowTest(
                row=row,
                metric=info,
                excess=excess[row.label],
                p_value=p,
                p_holm=p_holm,
                family=len(tested),
                power=power,
            )
            for row, p, p_holm in zip(tested, p_values, holm(p_values), strict=True)
        )

    def is_measured(self, info: MetricInfo) -> bool:
        """Whether distances to Retrain exist, of the original and of another Retrain."""
        is_cost = info.unit in ("seconds", "examples", "flops", "mib", "joules")
        if info.aim == "none" or is_cost:
            return False
        return bool(self._excess(self.cell.original, info))

    def _excess(self, row: Row, info: MetricInfo) -> tuple[float, ...]:
        """By independent request: how much farther from Retrain a row is than another Retrain."""
        pairs = [
            (record, apart - fmean(others))
            for record in row.scored
            if record.request in self._replicas
            and (apart := self._distance(record, info)) is not None
            and (others := self._of_replicas(record.request, info))
        ]
        return independent(
            [value for _, value in pairs],
            [record.seed_train for record, _ in pairs],
            [forget_set(record) for record, _ in pairs],
        )

    def _of_replicas(self, request: str, info: MetricInfo) -> list[float]:
        found = [self._distance(r, info) for r in self._replicas[request]]
        return [value for value in found if value is not None]

    def _distance(self, record: Record, info: MetricInfo) -> float | None:
        """Of a record to its request's Retrain; None where one of the two has no finite value."""
        value = record.metrics.get(info.name, math.nan)
        if info.aim != "lower":  # else it is a distance already
            value = abs(value - self._anchors[record.request].metrics.get(info.name, math.nan))
        return value if math.isfinite(value) else None

    @cached_property
    def _anchors(self) -> Mapping[str, Record]:
        return {record.request: record for record in self.cell.retrain.scored}

    @cached_property
    def _replicas(self) -> Mapping[str, list[Record]]:
        """The other Retrains of each request that has one."""
        replicas: dict[str, list[Record]] = {}
        for record in self.cell.floor.records if self.cell.floor else ():
            if record.replica and record.request in self._anchors:
                replicas.setdefault(record.request, []).append(record)
        return replicas


def blocks_of(measured: CellEvidence) -> dict[str, tuple[str, ...]]:
    """The blocks that a cell has numbers for, the main table first, each with its metrics."""
    found = {info.name for info in measured.metrics}
    blocks: Mapping[str, tuple[str, ...]] = {MAIN: TERMS, **WEIGHT_BLOCKS, **BLOCKS}
    held = {name: tuple(m for m in metrics if m in found) for name, metrics in blocks.items()}
    return {name: metrics for name, metrics in held.items() if metrics}


def failed_blocks(cell: Cell) -> dict[str, tuple[str, ...]]:
    """By title of a leading row: the blocks that tell it from Retrain; the main table is one.

    Nothing without evidence beside the main table.
    """
    measured = CellEvidence(cell)
    blocks = blocks_of(measured)
    if not blocks.keys() - {MAIN}:
        return {}
    infos = {info.name: info for info in measured.metrics}
    selection = cell.leading_selection
    ranked = cell.ranked(selection) if selection else ()
    failed: dict[str, list[str]] = {row.title: [] for row in ranked}
    for block, metrics in blocks.items():
        for metric in metrics:
            for test in measured.tests(infos[metric], ranked):
                if test.standing == "unlike Retrain" and block not in failed[test.row.title]:
                    failed[test.row.title].append(block)
    return {title: tuple(blocks) for title, blocks in failed.items()}


def powers(cell: Cell, metrics: Iterable[str]) -> dict[str, Power]:
    """Return the power of each metric that several Retrains of the cell have."""
    measured, known = CellEvidence(cell), all_metrics()
    found = {
        name: measured.power(known[name])
        for name in metrics
        if name in known and measured.is_measured(known[name])
    }
    return {name: power for name, power in found.items() if power}


def power_words(power: Power) -> str:
    """Say whether a metric tells the original from Retrain, with the interval."""
    low, high = (f"{100 * end:.0f}" for end in power.interval)
    requests = plural(power.of, "request")
    share = (
        f"the original is farther from Retrain than another Retrain in {power.wins} of {requests}"
    )
    known = "tells" if power.is_shown else "no power to tell"
    return f"{known} the original from Retrain: {share} (95 % interval {low} to {high} %)"
