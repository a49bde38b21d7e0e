"""How hard an example is to forget: confidence and memorisation, and examples chosen by them.

Memorisation of an example is how much more probable its label is to models that trained on it than
to models that did not (Feldman and Zhang 2020, arXiv 2008.03703, who count right answers and train
thousands of models; here the confidences of the originals and Retrains that a sweep has).
"""

from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mubench.metrics.features import confidence
from mubench.metrics.membership import id_order
from mubench.metrics.outputs import Floats, Outputs

Ids = NDArray[np.int64]
Which = Literal["lowest", "highest", "mixed"]

MIDDLE = 0.5
"""The middle of RUM's mixed sets: neither known without training nor learnt by heart."""


def mean_confidence(models: Iterable[Outputs], ids: Ids) -> Floats:
    """Mean over the models that answered an example: (n,) in [0, 1], NaN where none did."""
    total, count = np.zeros(len(ids)), np.zeros(len(ids))
    for outputs in models:
        has = np.isin(ids, outputs.ids)
        total[has] += confidence(outputs.of_ids(ids[has]))
        count += has
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def memorisation(seen: Iterable[Outputs], unseen: Iterable[Outputs], ids: Ids) -> Floats:
    """Mean confidence of models that saw an example minus that of others: (n,) in [-1, 1] or NaN.

    Args:
        seen: originals on what they saw.
        unseen: Retrains, each on the D_f that it did not see.
        ids: (n,) of the examples.
    """
    return mean_confidence(seen, ids) - mean_confidence(unseen, ids)


def by_value(values: Floats, ids: Ids) -> Ids:
    """Positions from the lowest value to the highest; equal values by the ids' hashes."""
    shuffled = id_order(ids)
    return np.asarray(shuffled[np.argsort(values[shuffled], kind="stable")])


def chosen(values: Floats, ids: Ids, which: Which, count: int) -> Ids:
    """Positions (count,) of the examples that are asked for, from the lowest value to the highest.

    `mixed` are the lowest third, the highest third, and a third of those nearest to 0.5 among the
    others, as RUM's authors mix them (arXiv 2406.01257, released code).
    """
    order = by_value(values, ids)
    if which == "lowest":
        return order[:count]
    if which == "highest":
        return order[len(order) - count :]
    low, middle, high = map(len, np.array_split(np.arange(count), 3))
    between = order[low : len(order) - high]
    nearest = np.argsort(np.abs(values[between] - MIDDLE), kind="stable")[:middle]
    return np.concatenate([order[:low], between[np.sort(nearest)], order[len(order) - high :]])
