"""RMIA without shadow models: membership in D_f, calibrated by Retrains (arXiv 2312.03262).

Zarifzadeh, Liu and Shokri 2024, the offline form. The ratio q / P compares the target's
confidence q in an example's label with P, estimated from reference models that never saw the
example. Its score is the share of a population of non-members whose ratio is smaller.

Retrains of the same request never saw D_f or the held-out split. Population and non-members are
two halves of the held-out examples like D_f: none is compared with itself.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mubench.metrics.features import confidence
from mubench.metrics.membership import area_under_curve, true_positive_rate
from mubench.metrics.outputs import Floats, Outputs
from mubench.metrics.related_models import ModelContext, NoValue

OFFLINE = 0.3
"""The paper's a: the weight of the references' confidence in P; see `ratios`."""
GUARD = 1e-12
"""Smallest P."""
FALSE_POSITIVES = 0.01


def rmia_auc(context: ModelContext) -> float:
    """AUC of D_f against non-members by their scores; 0.5 is chance.

    Raises:
        NoValue: no reference, or no held-out examples like D_f.
    """
    return area_under_curve(*member_scores(context))


def rmia_tpr_at_1(context: ModelContext) -> float:
    """Share of D_f above the score that at most 1 % of the non-members exceed.

    Raises:
        NoValue: as `rmia_auc`, or as `true_positive_rate`.
    """
    members, others = member_scores(context)
    return true_positive_rate(members, others, FALSE_POSITIVES)


def member_scores(context: ModelContext, a: float = OFFLINE) -> tuple[Floats, Floats]:
    """Scores of D_f (n,) and of the non-members (m,). Raises NoValue as `rmia_auc`."""
    if not context.references:
        raise NoValue("no other Retrain of the request; 'floor' in the sweep file makes some")
    comparable = context.comparable_holdout()
    if len(comparable) < 2:
        raise NoValue("too few held-out examples like D_f")
    population, others = halves(comparable.ids)
    unseen = ratios(comparable, [model.holdout for model in context.references], a)
    forgotten = ratios(context.target.forget, [m.forget for m in context.references], a)
    return scores(forgotten, unseen[population]), scores(unseen[others], unseen[population])


def ratios(target: Outputs, references: Sequence[Outputs], a: float = OFFLINE) -> Floats:
    """The target's confidence in each label over its marginal probability: q / P (n,).

    P = ((1 + a) * mean + 1 - a) / 2 with the mean over references that never saw the example: it
    stands in for the mean over those that did and those that did not.
    """
    confidences = [confidence(reference.of_ids(target.ids)) for reference in references]
    marginal = ((1 + a) * np.mean(confidences, axis=0) + (1 - a)) / 2
    return np.asarray(confidence(target) / np.maximum(marginal, GUARD))


def scores(examples: Floats, population: Floats) -> Floats:
    """Share of the `population` (m,) with a strictly smaller ratio, for each example (n,)."""
    return np.searchsorted(np.sort(population), examples, side="left") / len(population)


def halves(ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of two halves, by the order of the ids' hashes; the second may have one more."""
    keys = [hashlib.sha256(int(each).to_bytes(8, "little", signed=True)).digest() for each in ids]
    order = np.array(sorted(range(len(ids)), key=keys.__getitem__), dtype=np.int64)
    return order[: len(ids) // 2], order[len(ids) // 2 :]
