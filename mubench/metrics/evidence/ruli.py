"""RULI: is the target told from Retrain (efficacy), and D_f from examples never seen (privacy)?

Naderloui et al. 2025, arXiv 2506.13009; the released code (datasec-lab/Ruli) estimates densities of
the logit-scaled confidence by Gaussian kernels of bandwidth 1. Efficacy follows it: the scores of
U-LiRA with these densities.

Privacy differs. The paper's shadows unlearn other forget sets, so it knows each example both
unlearned and never seen under unlearned models. Stored models of one forget set do not show that.
Each example is instead brought to one scale by the Retrains, which saw neither D_f nor the held-out
examples; on that scale one Gaussian is fitted to D_f and one to the held-out examples, under the
other replicates, and the score is the log-likelihood ratio.
"""

from collections.abc import Sequence

import numpy as np

from mubench.metrics.evidence.u_lira import (
    SMALLEST_STD,
    gaussian_log_density,
    held_out_scores,
    margins,
)
from mubench.metrics.features import logit_scaled_confidence
from mubench.metrics.membership import area_under_curve, true_positive_rate
from mubench.metrics.outputs import Floats, SplitOutputs
from mubench.metrics.related_models import ModelContext, NoValue, Values, value_or_reason

BANDWIDTH = 1.0


def ruli(context: ModelContext) -> Values:
    """AUC and true-positive rate at 1 % of both attacks. Raises NoValue as `u_lira`."""
    efficacy = held_out_scores(context, kernel_log_density)
    return {
        "ruli_efficacy_auc": efficacy.auc(),
        "ruli_efficacy_tpr_at_1": value_or_reason(lambda: efficacy.true_positive_rate(0.01)),
        **_privacy(context),
    }


def _privacy(context: ModelContext) -> Values:
    scores = value_or_reason(lambda: privacy_scores(context))
    if isinstance(scores, NoValue):
        return {"ruli_privacy_auc": scores, "ruli_privacy_tpr_at_1": scores}
    return {
        "ruli_privacy_auc": area_under_curve(*scores),
        "ruli_privacy_tpr_at_1": value_or_reason(lambda: true_positive_rate(*scores, 0.01)),
    }


def kernel_log_density(values: Floats, samples: Floats) -> Floats:
    """Log-density of `values` (n,) under Gaussian kernels at `samples` (models, n)."""
    exponents = -0.5 * ((values - samples) / BANDWIDTH) ** 2
    largest = exponents.max(axis=0)
    total = largest + np.log(np.exp(exponents - largest).sum(axis=0))
    return np.asarray(total - np.log(len(samples) * BANDWIDTH * np.sqrt(2 * np.pi)))


def privacy_scores(context: ModelContext) -> tuple[Floats, Floats]:
    """Scores of D_f (n,) and of held-out examples like it (m,) under the target.

    Raises NoValue where there are none.
    """
    unseen = context.comparable_holdout()
    if len(unseen) == 0:
        raise NoValue("no held-out examples like D_f")
    ids = context.target.forget.ids
    models = (context.target, *context.siblings)
    members = _scaled(margins(models, ids), margins(context.retrains, ids))
    others = _scaled(
        _unseen_margins(models, unseen.ids), _unseen_margins(context.retrains, unseen.ids)
    )
    forgotten, never_seen = (side[1:].reshape(-1, 1) for side in (members, others))
    member_scores, other_scores = (
        gaussian_log_density(side[0], forgotten) - gaussian_log_density(side[0], never_seen)
        for side in (members, others)
    )
    return member_scores, other_scores


def _scaled(values: Floats, retrains: Floats) -> Floats:
    """Margins (models, n) in units of the Retrains' (r, n): zero is what Retrains answer."""
    std = np.maximum(retrains.std(axis=0, ddof=1), SMALLEST_STD)
    return np.asarray((values - retrains.mean(axis=0)) / std)


def _unseen_margins(models: Sequence[SplitOutputs], ids: np.ndarray) -> Floats:
    unseen = [model.holdout.labelled_like_members().of_ids(ids) for model in models]
    return np.stack([logit_scaled_confidence(outputs) for outputs in unseen])
