"""The noise floor: how far Retrains of one request differ. Smaller gaps are not meaningful."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mubench.metrics.gap import FORMS, TERMS, Values, gap
from mubench.store.record import Record


@dataclass(frozen=True)
class Floor:
    """Distances between two Retrains of one request, by metric: the four values and the gaps."""

    mean: Mapping[str, float]
    percentile_95: Mapping[str, float]
    pairs: int
    records: tuple[Record, ...] = ()
    """The Retrains that were compared, where their records are known."""


def noise_floor(
    pairs: Iterable[tuple[Values, Values]], records: tuple[Record, ...] = ()
) -> Floor | None:
    """Return the floor of pairs of Retrains; None where no pair shares any of the four values."""
    apart: dict[str, list[float]] = {metric: [] for metric in (*TERMS, *FORMS)}
    for one, other in pairs:
        shared = [term for term in TERMS if term in one and term in other]
        for term in shared:
            apart[term].append(abs(one[term] - other[term]))
        for form, terms in FORMS.items():
            if any(term in one and term in other for term in terms):
                apart[form].append(gap(one, other, form).value)
    if not apart["gap"]:
        return None
    measured = {metric: values for metric, values in apart.items() if values}
    return Floor(
        mean={metric: statistics.fmean(values) for metric, values in measured.items()},
        percentile_95={metric: float(np.percentile(v, 95)) for metric, v in measured.items()},
        pairs=len(apart["gap"]),
        records=records,
    )
