"""How much of a tuned number is luck in tuning: what other searches of the row would have given."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean

from mubench.store.record import Record

KEPT = 1 / 3
"""The chance of each candidate to be tried again; chosen so that rows which are the same method
twice differ in some 5 % of sweeps (decision 028)."""


def tuning_luck(searched: Iterable[Record], metric: str) -> float | None:
    """Standard deviation that searches give to a row's mean over final requests, in the unit of
    the metric.

    Another search would have tried other candidates. It is imitated by leaving candidates out: each
    is kept with probability `KEPT`, the defaults always, and the best one kept is chosen. So the
    k-th best of those that beat the defaults is chosen with probability KEPT (1 - KEPT)^(k - 1).
    The metric is that of the search step on the first request. Independent searches share the final
    requests of a row, so that their luck averages out.

    Args:
        searched: search records of one row in one cell.
        metric: its name.

    Returns:
        0 for a row without searches; None where the searches do not have the metric.
    """
    searches: dict[int, list[Record]] = {}
    for record in searched:
        searches.setdefault(record.repeat, []).append(record)
    variances = [_variance(records, metric) for records in searches.values()]
    known = [variance for variance in variances if variance is not None]
    if len(known) < len(variances):
        return None
    return math.sqrt(math.fsum(known)) / len(known) if known else 0.0


def _variance(records: Sequence[Record], metric: str) -> float | None:
    """Variance of the metric over the winners of one search with candidates left out."""
    chances: list[float] = []
    values: list[float] = []
    left = 1.0
    for first in _from_best(records):
        chance = left if first.candidate == 0 else left * KEPT
        if metric in first.metrics:
            chances.append(chance)
            values.append(first.metrics[metric])
        left -= chance
        if not left:
            break
    total = math.fsum(chances)
    if not total:
        return None
    mean = math.fsum(c * v for c, v in zip(chances, values, strict=True)) / total
    squares = (c * (v - mean) ** 2 for c, v in zip(chances, values, strict=True))
    return math.fsum(squares) / total


def _from_best(records: Sequence[Record]) -> list[Record]:
    """The record on the first request of each candidate, in the order in which a race prefers."""
    by_candidate: dict[int, list[Record]] = {}
    for record in sorted(records, key=lambda record: (record.candidate, record.round)):
        by_candidate.setdefault(record.candidate, []).append(record)

    def place(runs: Sequence[Record]) -> tuple[int, float, int]:
        return -len(runs), fmean(run.objective for run in runs), runs[0].candidate

    return [runs[0] for runs in sorted(by_candidate.values(), key=place)]
