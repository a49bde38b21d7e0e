"""Easy and hard examples apart: D_f in three equal parts by memorisation.

A random D_f is mostly easy, so a mean over it says little about what was memorised.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from mubench.metrics.accuracy import unlearning_accuracy
from mubench.metrics.difficulty import by_value, memorisation
from mubench.metrics.distances import kl
from mubench.metrics.outputs import Floats, Outputs
from mubench.metrics.related_models import ModelContext, NoValue, Values, value_or_reason

NAMES = ("low", "middle", "high")
FEWEST = 30
"""Fewest examples in D_f."""


def strata(context: ModelContext) -> Values:
    """UA and KL to Retrain in each third of D_f.

    A Retrain is no part of its own division: the examples that it happens to miss would look
    memorised. Raises NoValue where a whole class or group is forgotten, where D_f is small, and
    without an original or a Retrain.
    """
    if not context.is_random:
        raise NoValue("a whole class or group is forgotten: all of it is unknown to Retrain")
    forget = context.target.forget
    if len(forget) < FEWEST:
        raise NoValue(f"fewer than {FEWEST} examples in D_f")
    if not context.originals or not context.retrains:
        raise NoValue("no original or no other Retrain of the forget set")
    values: dict[str, float | NoValue] = {}
    seen, unseen = (
        (model.forget for model in models) for models in (context.originals, context.retrains)
    )
    parts = thirds(memorisation(seen, unseen, forget.ids), forget.ids)
    for name, positions in zip(NAMES, parts, strict=True):
        part = forget.at(positions)
        values[f"ua_{name}"] = unlearning_accuracy(part)
        values[f"kl_{name}"] = value_or_reason(partial(_kl, context, part))
    return values


def thirds(values: Floats, ids: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Positions of the lowest, middle and highest third; equal values by the ids' hashes."""
    return np.array_split(by_value(values, ids), len(NAMES))


def _kl(context: ModelContext, part: Outputs) -> float:
    if context.retrained is None:
        raise NoValue("it is the Retrain that others are compared with")
    return kl(context.retrained.forget.of_ids(part.ids), part)
