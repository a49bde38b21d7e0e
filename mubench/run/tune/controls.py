"""What a control row takes from the methods beside it."""

from collections.abc import Iterable
from statistics import median

from mubench.store.record import Record


def median_change(records: Iterable[Record]) -> float | None:
    """The median change of the weights of steps that did not fail; None where all did."""
    changes = [r.metrics["weight_change"] for r in records if r.status == "ok"]
    return median(changes) if changes else None
