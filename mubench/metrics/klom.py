"""KLOM: KL divergence of margins between many unlearned models and many Retrains.

Georgiev et al. 2024, arXiv 2410.23232. Where the other metrics compare one model with one Retrain,
KLOM compares distributions over trainings, per example.
"""

from collections.abc import Sequence

import numpy as np

from mubench.metrics.features import logit_scaled_confidence
from mubench.metrics.outputs import Floats, SplitOutputs
from mubench.metrics.related_models import ModelContext, NoValue

FEWEST = 8
"""Fewest models per side for a histogram; the paper has 100."""
BINS = 20
LARGEST = 100.0
"""Larger margins are clipped."""
FLOOR = 1e-5
"""Least probability of a bin among Retrains."""


def klom(context: ModelContext) -> float:
    """Mean over D_f of the divergence between replicates and Retrains, in nats.

    For a Retrain, it compares those of its replica number with all others: the divergence that
    the small number of models alone causes.

    Raises:
        NoValue: fewer than `FEWEST` models on a side.
    """
    if min(len(context.replicates), len(context.retrains)) < FEWEST:
        raise NoValue(f"fewer than {FEWEST} models of one forget set on a side")
    ids = context.replicates[0].forget.ids
    return float(
        divergences(_margins(context.replicates, ids), _margins(context.retrains, ids)).mean()
    )


def divergences(unlearned: Floats, retrains: Floats) -> Floats:
    """KL(unlearned || retrains) (n,) from margins (models, n) of each side, by histograms.

    Bins are equal ones of the joint range of each example. The largest margin belongs to the last
    bin; the paper's code drops it.
    """
    sides = [np.clip(side, -LARGEST, LARGEST) for side in (unlearned, retrains)]
    joint = np.concatenate(sides)
    low, high = joint.min(axis=0), joint.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    p, q = (_histogram((side - low) / width) for side in sides)
    q = np.maximum(q, FLOOR)
    return np.asarray(np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0) / q), 0.0).sum(axis=1))


def _histogram(scaled: Floats) -> Floats:
    """Shares (n, BINS) of the models in each bin, from margins (models, n) scaled to [0, 1]."""
    models, n = scaled.shape
    bins = np.minimum((BINS * scaled).astype(int), BINS - 1)
    flat = (np.arange(n) * BINS + bins).ravel()
    return np.asarray(np.bincount(flat, minlength=n * BINS).reshape(n, BINS) / models)


def _margins(models: Sequence[SplitOutputs], ids: np.ndarray) -> Floats:
    return np.stack([logit_scaled_confidence(model.forget.of_ids(ids)) for model in models])
