"""One number for the distance to Retrain: Avg. Gap and ToW.

Everything here reads one request's metric values by name (`ua`, `ra`, `ta`, `mia_svc`), fractions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

TERMS = ("ua", "mia_svc", "ra", "ta")
"""What Avg. Gap averages (Fan et al. 2024, SalUn)."""

Values = Mapping[str, float]


@dataclass(frozen=True)
class Gap:
    """Mean absolute difference to Retrain, over `terms` of the four values."""

    value: float
    terms: int


def gap(unlearned: Values, retrained: Values) -> Gap:
    """Avg. Gap of one request: (|ΔUA| + |ΔMIA| + |ΔRA| + |ΔTA|) / 4, in [0, 1].

    Averages the terms that both have; raises ValueError where they share none.
    """
    names = [name for name in TERMS if name in unlearned and name in retrained]
    if not names:
        raise ValueError(f"no gap: the two share none of {', '.join(TERMS)}")
    differences = [abs(unlearned[name] - retrained[name]) for name in names]
    return Gap(math.fsum(differences) / len(names), len(names))


def tow(unlearned: Values, retrained: Values) -> float:
    """Tug of war: product of 1 - |difference| over UA, RA and TA, in [0, 1] (Zhao et al. 2024)."""
    return _closeness(unlearned, retrained, ("ua", "ra", "ta"))


def tow_mia(unlearned: Values, retrained: Values) -> float:
    """Tug of war with MIA efficacy in place of UA."""
    return _closeness(unlearned, retrained, ("mia_svc", "ra", "ta"))


def _closeness(unlearned: Values, retrained: Values, names: tuple[str, ...]) -> float:
    return math.prod(1 - abs(unlearned[name] - retrained[name]) for name in names)
