"""One number for the distance to Retrain: three forms of Avg. Gap, and ToW.

Everything here reads one request's metric values by name (`ua`, `ra`, `ta`, `mia_svc`, `mia_auc`),
fractions.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Form = Literal["gap", "robust_gap", "accuracy_gap"]
FORMS: Mapping[Form, tuple[str, ...]] = {
    "gap": ("ua", "mia_svc", "ra", "ta"),
    "robust_gap": ("ua", "mia_auc", "ra", "ta"),
    "accuracy_gap": ("ua", "ra", "ta"),
}
"""What each form averages: that of the field (Fan et al. 2024, SalUn), one with the class-matched
AUC in place of the SVC attack, whose verdict jumps where it is near chance, and one without."""
TERMS = FORMS["gap"]
COMPARED = (*TERMS, "mia_auc")
"""The values that some form compares."""

Objective = Literal["avg_gap", "robust_gap", "accuracy_gap", "retrain_free"]
"""What a search minimises: a form of Avg. Gap, or a proxy that needs no Retrain."""

Values = Mapping[str, float]


def form_of(objective: Objective) -> Form | None:
    """The form of Avg. Gap that an objective is; None where it is none.

    >>> form_of("avg_gap"), form_of("robust_gap"), form_of("retrain_free")
    ('gap', 'robust_gap', None)
    """
    names: dict[Objective, Form] = {
        "avg_gap": "gap",
        "robust_gap": "robust_gap",
        "accuracy_gap": "accuracy_gap",
    }
    return names.get(objective)


@dataclass(frozen=True)
class Gap:
    """Mean absolute difference to Retrain, over `terms` values."""

    value: float
    terms: int


def gap(unlearned: Values, retrained: Values, form: Form = "gap") -> Gap:
    """Avg. Gap of one request: (|ΔUA| + |ΔMIA| + |ΔRA| + |ΔTA|) / 4, in [0, 1].

    Averages the terms of the form that both have; raises ValueError where they share none.
    """
    names = [name for name in FORMS[form] if name in unlearned and name in retrained]
    if not names:
        raise ValueError(f"no gap: the two share none of {', '.join(FORMS[form])}")
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
