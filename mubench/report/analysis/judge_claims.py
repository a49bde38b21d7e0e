"""Whether a sweep's claims hold: confirmed, refuted or undecided, and by which numbers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mubench.errors import plural
from mubench.metrics.metric_info import MetricInfo
from mubench.metrics.post_hoc import all_metrics
from mubench.report.analysis.aggregate import SELECTIONS, Cell, Row
from mubench.report.analysis.comparisons import forget_set
from mubench.report.analysis.format import MINUS, format_p, format_percent, join_words
from mubench.report.analysis.significance import (
    LEVEL,
    fewest_pairs,
    independent,
    mean_interval,
    tuned_p,
)
from mubench.store.record import Record
from mubench.sweep.claims import Claim
from mubench.sweep.kinds import ORIGINAL

Verdict = Literal["confirmed", "refuted", "undecided"]
_UNITS = {
    "seconds": " s",
    "mib": " MiB",
    "joules": " J",
    "nats": " nats",
    "examples": " examples",
}


@dataclass(frozen=True)
class CellVerdict:
    """A claim in one cell."""

    cell: str
    verdict: Verdict
    words: str
    """The numbers behind the verdict, as a sentence."""


@dataclass(frozen=True)
class ClaimResult:
    """A claim with its verdict in each cell."""

    claim: Claim
    cells: tuple[CellVerdict, ...]

    @property
    def verdict(self) -> Verdict:
        """Confirmed where every cell confirms it, refuted where any refutes it, else undecided."""
        verdicts = {cell.verdict for cell in self.cells}
        if "refuted" in verdicts:
            return "refuted"
        return "confirmed" if verdicts == {"confirmed"} else "undecided"


def judge_claims(claims: tuple[Claim, ...], cells: tuple[Cell, ...]) -> tuple[ClaimResult, ...]:
    """Judge every claim in the cells that it is about.

    Each claim was written before the run and is one hypothesis: its p-value is not corrected for
    the other claims.
    """
    by_name = {cell.name: cell for cell in cells}
    metrics = all_metrics()
    return tuple(
        ClaimResult(
            claim,
            tuple(
                _cell_verdict(claim, by_name.get(name), name, metrics.get(claim.metric))
                for name in claim.cells
            ),
        )
        for claim in claims
    )


def _cell_verdict(
    claim: Claim, cell: Cell | None, name: str, info: MetricInfo | None
) -> CellVerdict:
    if cell is None:
        return CellVerdict(name, "undecided", "This report has no such cell.")
    if info is None:
        return CellVerdict(name, "undecided", f"The metric '{claim.metric}' is unknown here.")
    selection = next((s for s in SELECTIONS if _has(cell, claim, s)), None)
    if selection is None:
        titles = join_words([cell.title_of(claim.first), cell.title_of(claim.second)])
        words = f"{titles} do not both have numbers, tuned or with defaults."
        return CellVerdict(name, "undecided", words)
    first, second = (_row(cell, label, selection) for label in (claim.first, claim.second))
    pairs = _pairs(first, second, _value_of(claim, info, cell.retrain))
    if not pairs:
        return CellVerdict(name, "undecided", "No request has the numbers of both rows.")
    if claim.is_relative and min(b for _, _, b in pairs) < 0:
        words = f"A share of {second.title}'s values is undefined: some are below 0."
        return CellVerdict(name, "undecided", words)
    sign = 1 if _is_higher_better(claim, info) else -1
    advantage = _independent([sign * (a - b) for _, a, b in pairs], pairs)
    margins = [claim.amount * (b if claim.is_relative else 1.0) for _, _, b in pairs]
    beyond = [a - m for a, m in zip(advantage, _independent(margins, pairs), strict=True)]
    p_value = tuned_p(beyond, _luck(claim, first, second, of_margin=True))
    of_second = sum(b for _, _, b in pairs) / len(pairs)
    luck = _luck(claim, first, second)
    words = _advantage_words(claim, info, first, second, advantage, luck)
    words += _claimed(claim, info, of_second)
    groups = plural(len(beyond), "independent group")
    of = "" if len(beyond) == len(pairs) else f" in {groups}"
    note = f"{selection}, {plural(len(pairs), 'request')}{of}, {format_p(p_value)}"
    note += f", luck in tuning {_amount(luck, info)}" if luck else ""
    if len(beyond) < fewest_pairs():
        note += f"; {fewest_pairs()} needed for p < {LEVEL:g}"
    if None in (first.luck(claim.metric), second.luck(claim.metric)):
        note += "; searches did not record this metric, so that their choice is taken as given"
    return CellVerdict(name, _verdict(beyond, p_value), f"{words} ({note}).")


def _luck(claim: Claim, first: Row, second: Row, *, of_margin: bool = False) -> float:
    """Standard deviation that tuning gives to the advantage, or to what it has beyond its margin.

    That of a number is at least that of its distance to Retrain's.
    """
    share = 1 + claim.amount if of_margin and claim.is_relative else 1.0
    return math.hypot(first.luck(claim.metric) or 0.0, share * (second.luck(claim.metric) or 0.0))


def _has(cell: Cell, claim: Claim, selection: str) -> bool:
    labels = {row.label for row in cell.methods if row.selection == selection and row.scored}
    return {claim.first, claim.second} - {ORIGINAL if cell.original.scored else ""} <= labels


def _row(cell: Cell, label: str, selection: str) -> Row:
    if label == ORIGINAL:
        return cell.original
    rows = (row for row in cell.methods if (row.label, row.selection) == (label, selection))
    return next(rows)


def _value_of(claim: Claim, info: MetricInfo, retrain: Row) -> Callable[[Record], float | None]:
    """What of a record is compared: the number, or its distance to Retrain's."""
    if claim.verb == "exceeds" or info.aim != "match":
        return lambda record: record.metrics.get(claim.metric)
    targets = {r.request: r.metrics.get(claim.metric) for r in retrain.scored}

    def distance(record: Record) -> float | None:
        target = targets.get(record.request)
        value = record.metrics.get(claim.metric)
        return None if value is None or target is None else abs(value - target)

    return distance


_Pair = tuple[Record, float, float]
"""A request's record of the first row, and the values of both rows."""


def _independent(values: Sequence[float], pairs: Sequence[_Pair]) -> tuple[float, ...]:
    records = [record for record, _, _ in pairs]
    return independent(values, [r.seed_train for r in records], [forget_set(r) for r in records])


def _is_higher_better(claim: Claim, info: MetricInfo) -> bool:
    return claim.verb == "exceeds" or info.aim == "higher"


def _pairs(first: Row, second: Row, value: Callable[[Record], float | None]) -> list[_Pair]:
    of_first, of_second = (
        {r.request: (r, v) for r in row.scored if (v := value(r)) is not None and math.isfinite(v)}
        for row in (first, second)
    )
    return [
        (*of_first[name], of_second[name][1]) for name in sorted(of_first.keys() & of_second.keys())
    ]


def _verdict(beyond: Sequence[float], p_value: float) -> Verdict:
    """The test decides; with fewer than six pairs p cannot fall below its level."""
    if p_value > LEVEL:
        return "undecided"
    return "confirmed" if sum(beyond) > 0 else "refuted"


def _advantage_words(
    claim: Claim,
    info: MetricInfo,
    first: Row,
    second: Row,
    advantage: Sequence[float],
    luck: float,
) -> str:
    mean = sum(advantage) / len(advantage)
    if mean == 0:
        return f"{first.title} and {second.title} are equal in {info.title}"
    if claim.verb == "exceeds":
        side = "higher" if mean > 0 else "lower"
    elif info.aim == "match":
        side = "closer to Retrain" if mean > 0 else "farther from Retrain"
    elif info.name == "gap":
        side = "closer" if mean > 0 else "farther"
    else:
        side = "better" if mean > 0 else "worse"
    amount = _amount(abs(mean), info)
    sentence = f"{first.title} is {amount} {side} in {info.title} than {second.title}"
    interval = mean_interval([math.copysign(1, mean) * value for value in advantage], luck)
    if interval is None:
        return sentence
    return f"{sentence}; 95 % interval {' to '.join(_amount(end, info) for end in interval)}"


def _claimed(claim: Claim, info: MetricInfo, of_second: float) -> str:
    if not claim.amount:
        return ""
    if not claim.is_relative:
        return f"; claimed: at least {_amount(claim.amount, info)}"
    share = f"{100 * claim.amount:g} % of {_amount(of_second, info)}"
    return f"; claimed: at least {share}, {_amount(claim.amount * of_second, info)}"


def _amount(value: float, info: MetricInfo) -> str:
    if info.unit == "fraction":
        return f"{format_percent(value)} points"
    return f"{value:.4g}".replace("-", MINUS) + _UNITS.get(info.unit, "")
