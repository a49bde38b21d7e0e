"""An attacker's classifier, judged on examples that it was not fitted to."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from mubench.metrics.membership import area_under_curve, id_order
from mubench.metrics.outputs import Floats

FOLDS = 5
FEWEST = 10
"""Fewest examples a side: two in each fold."""
MOST_STEPS = 50
"""Of Newton's method, which needs about eight."""


def held_out_auc(
    members: Floats,
    others: Floats,
    member_ids: NDArray[np.int64],
    other_ids: NDArray[np.int64],
) -> float:
    """AUC of a logistic regression that tells `members` (n, d) from `others` (m, d).

    Mean over five folds, each judged by a classifier of the other four. The ids decide the folds:
    one example under two models lies in one fold. Both sides need `FEWEST` rows.
    """
    pooled = np.concatenate([members, others])
    scaled = (pooled - pooled.mean(axis=0)) / np.maximum(pooled.std(axis=0), 1e-12)
    folds = np.concatenate([_folds(member_ids), _folds(other_ids)])
    is_member = np.repeat([True, False], [len(members), len(others)])
    aucs = []
    for fold in range(FOLDS):
        is_held_out = folds == fold
        scores = scaled @ logistic_weights(scaled[~is_held_out], is_member[~is_held_out])
        aucs.append(
            area_under_curve(scores[is_held_out & is_member], scores[is_held_out & ~is_member])
        )
    return float(np.mean(aucs))


def logistic_weights(rows: Floats, is_member: NDArray[np.bool_]) -> Floats:
    """Weights (d,) that minimise the sum of the logistic losses + |weights|^2 / 2.

    By Newton's method, some twenty times as fast here as a solver of scikit-learn. The intercept is
    free, and left out of the result: it changes no rank.
    """
    design = np.column_stack([rows, np.ones(len(rows))])
    ridge = np.diag(np.r_[np.ones(rows.shape[1]), 0])
    weights = np.zeros(design.shape[1])
    for _ in range(MOST_STEPS):
        shares = expit(design @ weights)
        gradient = design.T @ (shares - is_member) + ridge @ weights
        curvature = (design.T * (shares * (1 - shares))) @ design + ridge
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights[:-1]


def _folds(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    folds = np.empty(len(ids), dtype=np.int64)
    folds[id_order(ids)] = np.arange(len(ids)) % FOLDS
    return folds
