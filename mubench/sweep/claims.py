"""Claims of a sweep file: the hypotheses that it tests, written before the numbers.

    ugradsl beats ga on ua in random/0.1 by at least 0.1
    ugradsl exceeds ga on ua by at least 66 %

`beats` means better: nearer to Retrain for UA, RA, TA and MIA, lower or higher for
metrics that have such a direction. `exceeds` means that the plain number is higher.
"""

import re
from collections.abc import Collection, Mapping
from typing import Literal

from mubench.catalogue.validation import Strict
from mubench.errors import InputError, did_you_mean
from mubench.metrics.metric_info import MetricInfo
from mubench.metrics.post_hoc import POST_HOC
from mubench.sweep.kinds import ORIGINAL

_GRAMMAR = "ROW beats|exceeds ROW on METRIC [in CELL] [by at least NUMBER [points|%]]"
_SENTENCE = re.compile(
    r"(?P<first>\S+)\s+(?P<verb>\S+)\s+(?P<second>\S+)\s+on\s+(?P<metric>\S+)"
    r"(?:\s+in\s+(?P<where>\S+))?"
    r"(?:\s+by\s+at\s+least\s+(?P<amount>[0-9]*\.?[0-9]+)\s*(?P<unit>points?|%)?)?"
)
_LEAVE_OUT = " (without claims: --set claims=[])"


class Claim(Strict):
    """One claim, with the cells that it is about."""

    text: str
    first: str
    """A row's label."""
    second: str
    """Another row's label, or `original`."""
    verb: Literal["beats", "exceeds"]
    metric: str
    amount: float = 0.0
    """By how much at least: in the metric's own unit, or as a share of the second's value."""
    is_relative: bool = False
    cells: tuple[str, ...]


def parse_claim(
    text: str,
    rows: Collection[str],
    cells: Mapping[str, Collection[str]],
    metrics: Mapping[str, MetricInfo],
) -> Claim:
    """Read a claim.

    Args:
        text: the sentence.
        rows: labels of the sweep's rows.
        cells: names of its cells, each with the other words that mean it: `random-0.1`, `class`.
        metrics: all metrics.

    Raises:
        InputError: the sentence cannot be read, or a row, cell or metric does not exist.
    """
    sentence = _SENTENCE.fullmatch(text.strip())
    if sentence is None or sentence["verb"] not in ("beats", "exceeds"):
        raise InputError(f"claims: '{text}' cannot be read; write {_GRAMMAR}")
    known = [*rows, ORIGINAL]
    for row in (sentence["first"], sentence["second"]):
        _require(row, known, f"claims: '{text}': no row")
    if sentence["first"] == sentence["second"]:
        raise InputError(f"claims: '{text}' compares '{sentence['first']}' with itself")
    metric = sentence["metric"]
    _require(metric, metrics, f"claims: '{text}': no metric")
    if sentence["verb"] == "beats" and metrics[metric].aim == "none":
        raise InputError(f"claims: '{text}': '{metric}' has no good direction; say 'exceeds'")
    if metric in POST_HOC and "target" not in POST_HOC[metric].uses:
        raise InputError(
            f"claims: '{text}': '{metric}' is one value for all trainings of a forget set; a claim "
            "needs one of every request"
        )
    amount, unit = float(sentence["amount"] or 0), sentence["unit"] or ""
    if unit.startswith("point") and metrics[metric].unit != "fraction":
        raise InputError(f"claims: '{text}': '{metric}' is no percentage; leave 'points' out")
    return Claim(
        text=" ".join(text.split()),
        first=sentence["first"],
        second=sentence["second"],
        verb=sentence["verb"],
        metric=metric,
        amount=amount / 100 if unit else amount,
        is_relative=unit == "%",
        cells=_cells(text, sentence["where"], cells),
    )


def _cells(text: str, where: str | None, cells: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    if where is None:
        return tuple(cells)
    meant = {where, where.replace("/", "-")}
    named = tuple(name for name, words in cells.items() if meant & {name, *words})
    if not named:
        known = sorted({word for words in cells.values() for word in words})
        hint = did_you_mean(where, known)
        raise InputError(f"claims: '{text}': no cell '{where}'; {hint}{_LEAVE_OUT}")
    return named


def _require(name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        raise InputError(f"{what} '{name}'; {did_you_mean(name, list(known))}{_LEAVE_OUT}")
