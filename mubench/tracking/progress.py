"""How far runs have come: their status, when they began and ended, a search's curve. Pure."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, takewhile

from mubench.store.record import WORST, Record
from mubench.tracking.run_data import Point, finite, milliseconds

CURVE = "search/"
"""Section of the metrics that are a search's curve."""


def curve(candidates: Sequence[Sequence[str]], records: Mapping[str, Record]) -> tuple[Point, ...]:
    """Objective and best so far of the candidates up to the first one that is not done."""
    done = takewhile(lambda ids: all(i in records for i in ids), candidates)
    groups = [[records[i] for i in ids] for ids in done]
    values = [statistics.fmean(r.metrics.get("objective", WORST) for r in g) for g in groups]
    points: list[Point] = []
    for k, (value, best) in enumerate(zip(values, accumulate(values, min), strict=True)):
        time = span(groups[k])[1]
        held = finite({f"{CURVE}objective": value, f"{CURVE}best_objective": best})
        points += [Point(name, number, k, time) for name, number in held.items()]
    return tuple(points)


def status(ids: Iterable[str], records: Mapping[str, Record], unfinished: str) -> str:
    """Finished where every step has a record, failed where one says so, else `unfinished`."""
    held = [records.get(key) for key in ids]
    if any(record is not None and record.is_failure for record in held):
        return "FAILED"
    return unfinished if None in held else "FINISHED"


def span(records: Iterable[Record]) -> tuple[int, int]:
    """When the first of these began and the last ended; 0 for none."""
    held = [(milliseconds(r.created), r.seconds) for r in records]
    start = min((end - round(1000 * seconds) for end, seconds in held), default=0)
    return start, max((end for end, _ in held), default=0)
