"""Whom does it hit? The worst class and the worst group, which a mean hides."""

import numpy as np
from numpy.typing import NDArray

from mubench.metrics.outputs import Outputs
from mubench.metrics.related_models import ModelContext, NoValue, Values, value_or_reason

FEWEST = 10
"""Fewest examples of a class or group: the minimum over small ones is mostly luck."""


def subgroups(context: ModelContext) -> Values:
    """The lowest accuracy of a class on D_r and on what TA counts, and of a group on the latter."""
    retain, held_out = context.target.retain, context.retained_holdout()
    return {
        "ra_worst_class": value_or_reason(lambda: worst(retain, retain.labels)),
        "ta_worst_class": value_or_reason(lambda: worst(held_out, held_out.labels)),
        "ta_worst_group": value_or_reason(lambda: worst(held_out, held_out.groups)),
    }


def worst(outputs: Outputs, parts: NDArray[np.int64] | None) -> float:
    """The lowest accuracy in a part; `parts` (n,) says to which an example belongs.

    Raises NoValue where no part has `FEWEST` examples, or the data set has no such division.
    """
    if parts is None:
        raise NoValue("the data set has no groups")
    _, inverse, counts = np.unique(parts, return_inverse=True, return_counts=True)
    right = np.bincount(inverse, weights=outputs.predictions() == outputs.labels)
    if not (counts >= FEWEST).any():
        raise NoValue(f"no class or group with {FEWEST} examples")
    return float((right / counts)[counts >= FEWEST].min())
