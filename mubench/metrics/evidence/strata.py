"""Easy and hard examples apart: D_f in three equal parts by memorisation.

Memorisation of an example is how much more probable its label is to models that trained on it than
to models that did not (Feldman and Zhang 2020, arXiv 2008.03703, who count right answers and train
thousands of models; here the confidences of the originals and Retrains that a sweep has). A random
D_f is mostly easy, so a mean over it says little about what was memorised.
"""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from mubench.metrics.accuracy import unlearning_accuracy
from mubench.metrics.distances import kl
from mubench.metrics.features import confidence
from mubench.metrics.membership import id_order
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
    for name, positions in zip(NAMES, thirds(memorisation(context), forget.ids), strict=True):
        part = forget.at(positions)
        values[f"ua_{name}"] = unlearning_accuracy(part)
        values[f"kl_{name}"] = value_or_reason(partial(_kl, context, part))
    return values


def memorisation(context: ModelContext) -> Floats:
    """Mean confidence of the originals minus that of the Retrains, on D_f: (n,) in [-1, 1]."""
    ids = context.target.forget.ids
    seen, unseen = (
        np.mean([confidence(model.forget.of_ids(ids)) for model in models], axis=0)
        for models in (context.originals, context.retrains)
    )
    return np.asarray(seen - unseen)


def thirds(values: Floats, ids: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Positions of the lowest, middle and highest third; equal values by the ids' hashes."""
    shuffled = id_order(ids)
    order = shuffled[np.argsort(values[shuffled], kind="stable")]
    return np.array_split(order, len(NAMES))


def _kl(context: ModelContext, part: Outputs) -> float:
    if context.retrained is None:
        raise NoValue("it is the Retrain that others are compared with")
    return kl(context.retrained.forget.of_ids(part.ids), part)
