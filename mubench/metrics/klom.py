"""KLOM: KL divergence of margins between many unlearned models and many Retrains.

Georgiev et al. 2024, arXiv 2410.23232. Where the other metrics compare one model with one Retrain,
this compares distributions over trainings, example by example.
"""

from collections.abc import Sequence

import numpy as np

from mubench.metrics.features import logit_scaled_confidence
from mubench.metrics.outputs import Floats
from mubench.metrics.related_models import Answers, NoValue, Related

FEWEST = 8
"""Models on each side without which a histogram says nothing; the paper has 100."""
BINS = 20
LARGEST = 100.0
"""Margins beyond are clipped."""
FLOOR = 1e-5
"""Least probability of a bin among oracles."""


def klom(related: Related) -> float:
    """Mean over D_f of the divergence between siblings and oracles, in nats.

    Of a Retrain, it compares those of its replica number with all others: what the number of
    models alone brings about.

    Raises:
        NoValue: fewer than `FEWEST` models on a side.
    """
    if min(len(related.siblings), len(related.oracles)) < FEWEST:
        raise NoValue(f"fewer than {FEWEST} models of one forget set on a side")
    ids = related.siblings[0].forget.ids
    return float(
        divergences(_margins(related.siblings, ids), _margins(related.oracles, ids)).mean()
    )


def divergences(unlearned: Floats, oracles: Floats) -> Floats:
    """KL(unlearned || oracles) (n,) from margins (models, n) of each side, by histograms.

    Bins are equal ones of the joint range of each example. The largest margin belongs to the last
    bin; the paper's code drops it.
    """
    sides = [np.clip(side, -LARGEST, LARGEST) for side in (unlearned, oracles)]
    joint = np.concatenate(sides)
    low, high = joint.min(axis=0), joint.max(axis=0)
    width = np.where(high > low, high - low, 1.0)
    p, q = (_histogram((side - low) / width) for side in sides)
    q = np.maximum(q, FLOOR)
    return np.asarray(np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0) / q), 0.0).sum(axis=1))


def _histogram(places: Floats) -> Floats:
    """Shares (n, BINS) of the models in each bin, from places (models, n) in [0, 1]."""
    models, n = places.shape
    bins = np.minimum((BINS * places).astype(int), BINS - 1)
    flat = (np.arange(n) * BINS + bins).ravel()
    return np.asarray(np.bincount(flat, minlength=n * BINS).reshape(n, BINS) / models)


def _margins(models: Sequence[Answers], ids: np.ndarray) -> Floats:
    return np.stack([logit_scaled_confidence(model.forget.of_ids(ids)) for model in models])
