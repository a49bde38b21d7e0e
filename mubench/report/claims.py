"""Whether a sweep's claims hold: confirmed, refuted or undecided, in plain words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from mubench.claims import ORIGINAL, Claim
from mubench.metrics.later import all_metrics
from mubench.record import MetricInfo, Record
from mubench.report.aggregate import Cell, Row
from mubench.report.inference import LEVEL, bootstrap_interval, fewest_pairs, sign_flip_p
from mubench.report.words import MINUS, listed, p_text, plural, points, row_title

Verdict = Literal["confirmed", "refuted", "undecided"]
_UNITS = {"seconds": " s", "mib": " MiB", "nats": " nats", "examples": " examples"}


@dataclass(frozen=True)
class Finding:
    """A claim in one cell."""

    cell: str
    verdict: Verdict
    words: str
    """The numbers behind the verdict, as a sentence."""


@dataclass(frozen=True)
class Judged:
    """A claim and what came of it, cell by cell."""

    claim: Claim
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """Confirmed where every cell confirms it, refuted where any refutes it, else undecided."""
        verdicts = {finding.verdict for finding in self.findings}
        if "refuted" in verdicts:
            return "refuted"
        return "confirmed" if verdicts == {"confirmed"} else "undecided"


def judged(claims: tuple[Claim, ...], cells: tuple[Cell, ...]) -> tuple[Judged, ...]:
    """Judge every claim in the cells that it is about.

    Each claim stood in the sweep file before the numbers and is one hypothesis: its p-value is not
    corrected for the other claims.
    """
    by_name = {cell.name: cell for cell in cells}
    metrics = all_metrics()
    return tuple(
        Judged(
            claim,
            tuple(
                _finding(claim, by_name[name], metrics[claim.metric])
                for name in claim.cells
                if name in by_name
            ),
        )
        for claim in claims
        if claim.metric in metrics
    )


def _finding(claim: Claim, cell: Cell, info: MetricInfo) -> Finding:
    selection = "tuned" if _has(cell, claim, "tuned") else "default"
    first, second = (_row(cell, label, selection) for label in (claim.first, claim.second))
    if first is None or second is None:
        missing = claim.first if first is None else claim.second
        return Finding(cell.name, "undecided", f"{row_title(missing)} has no numbers here.")
    value = _value_of(claim, info, cell.retrain)
    pairs = _pairs(first, second, value)
    if not pairs:
        return Finding(cell.name, "undecided", "No request has the numbers of both rows.")
    sign = 1 if _is_higher_better(claim, info) else -1
    advantage = [sign * (a - b) for a, b in pairs]
    margin = [claim.amount * (b if claim.is_relative else 1.0) for _, b in pairs]
    beyond = [a - m for a, m in zip(advantage, margin, strict=True)]
    p_value = sign_flip_p(beyond)
    verdict = _verdict(beyond, p_value)
    words = _words(claim, info, advantage, pairs)
    note = f"{selection}, {plural(len(pairs), 'request')}, {p_text(p_value)}"
    if len(pairs) < fewest_pairs():
        note += f"; a verdict needs {fewest_pairs()} requests"
    return Finding(cell.name, verdict, f"{words} ({note}).")


def _has(cell: Cell, claim: Claim, selection: str) -> bool:
    labels = {row.label for row in cell.methods if row.selection == selection and row.scored}
    return {claim.first, claim.second} - {ORIGINAL} <= labels


def _row(cell: Cell, label: str, selection: str) -> Row | None:
    if label == ORIGINAL:
        return cell.original if cell.original.scored else None
    rows = (row for row in cell.methods if (row.label, row.selection) == (label, selection))
    return next((row for row in rows if row.scored), None)


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


def _is_higher_better(claim: Claim, info: MetricInfo) -> bool:
    return claim.verb == "exceeds" or info.aim == "higher"


def _pairs(
    first: Row, second: Row, value: Callable[[Record], float | None]
) -> list[tuple[float, float]]:
    held: list[Mapping[str, float]] = [
        {r.request: v for r in row.scored if (v := value(r)) is not None} for row in (first, second)
    ]
    return [(held[0][name], held[1][name]) for name in sorted(held[0].keys() & held[1].keys())]


def _verdict(beyond: list[float], p_value: float) -> Verdict:
    """The test decides; with fewer than six requests it cannot."""
    if p_value > LEVEL:
        return "undecided"
    return "confirmed" if sum(beyond) > 0 else "refuted"


def _words(
    claim: Claim, info: MetricInfo, advantage: list[float], pairs: list[tuple[float, float]]
) -> str:
    mean = sum(advantage) / len(advantage)
    if claim.verb == "exceeds":
        side = "higher" if mean >= 0 else "lower"
    elif info.aim == "match":
        side = "closer to Retrain" if mean >= 0 else "farther from Retrain"
    else:
        side = "better" if mean >= 0 else "worse"
    names = f"{row_title(claim.first)} is {_amount(abs(mean), info)} {side} in {info.title} than "
    interval = bootstrap_interval(advantage)
    said = names + row_title(claim.second)
    if interval is not None:
        ends = listed([_amount(end, info) for end in interval])
        said += f"; 95 % of bootstrap means lie between {ends}"
    return said + _claimed(claim, info, pairs)


def _claimed(claim: Claim, info: MetricInfo, pairs: list[tuple[float, float]]) -> str:
    if not claim.amount:
        return ""
    if not claim.is_relative:
        return f"; claimed: at least {_amount(claim.amount, info)}"
    of_second = sum(b for _, b in pairs) / len(pairs)
    share = f"{100 * claim.amount:g} % of {_amount(of_second, info)}"
    return f"; claimed: at least {share}, {_amount(claim.amount * of_second, info)}"


def _amount(value: float, info: MetricInfo) -> str:
    if info.unit == "fraction":
        return f"{points(value)} points"
    return f"{value:.4g}".replace("-", MINUS) + _UNITS.get(info.unit, "")
