"""U-LiRA: was an example forgotten, or never seen? One attacker for each example.

Hayes et al. 2024, arXiv 2403.01218. Of each example of D_f the attacker knows the logit-scaled
confidence under models that saw it and unlearned it, and under models that never saw it; a Gaussian
is fitted to either, and the score is the log-likelihood ratio.

What differs from the paper: the models that unlearned are those of a row over train seeds, all with
one forget set, where the paper draws forget sets for each shadow; the models that never saw an
example are Retrains. Both sides are scored on models that no Gaussian was fitted to: the target,
and each Retrain in turn. Where the target is like Retrain nothing distinguishes the two, and the
AUC is 0.5 on average with any number of models, also where answers of one model go together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mubench.metrics.features import logit_scaled_confidence
from mubench.metrics.membership import area_under_curve, true_positive_rate
from mubench.metrics.outputs import Floats, SplitOutputs
from mubench.metrics.related_models import ModelContext, NoValue, Values, value_or_reason

FEWEST = 8
"""Fewest models a side, the attacked one among them; more make the attack stronger."""
SMALLEST_STD = 1e-3
"""Of a Gaussian: models may agree to the last bit."""

LogDensity = Callable[[Floats, Floats], Floats]
"""Of values (n,), each under a density fitted to its own samples (models, n); returns (n,)."""


def u_lira(context: ModelContext) -> Values:
    """AUC, true-positive rates at 1 % and 0.1 %, and how many models each Gaussian has.

    Raises NoValue for fewer than `FEWEST` models on a side.
    """
    scores = held_out_scores(context, gaussian_log_density)
    return {
        "u_lira_auc": scores.auc(),
        "u_lira_tpr_at_1": value_or_reason(lambda: scores.true_positive_rate(0.01)),
        "u_lira_tpr_at_01": value_or_reason(lambda: scores.true_positive_rate(0.001)),
        "u_lira_shadows": float(min(len(context.siblings), len(context.retrains) - 1)),
    }


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores (pairs, n) of D_f under the target, `members`, and under Retrains, `others`."""

    members: Floats
    others: Floats

    def auc(self) -> float:
        """The mean over pairs: only scores of the same densities are compared."""
        return float(np.mean([*map(area_under_curve, self.members, self.others)]))

    def true_positive_rate(self, rate: float) -> float:
        """At a false-positive rate, over all pairs together: one has too few non-members."""
        return true_positive_rate(self.members.ravel(), self.others.ravel(), rate)


def held_out_scores(context: ModelContext, log_density: LogDensity) -> Scores:
    """Scores of D_f by the densities of an unlearned model over those of a Retrain.

    Each Retrain is left out in turn. The target and that Retrain, a pair, are then scored by the
    densities of the other replicates and of the other Retrains. Raises NoValue as `u_lira`.
    """
    require_shadows(context)
    ids = context.target.forget.ids
    [target] = margins([context.target], ids)
    unlearned, retrains = margins(context.siblings, ids), margins(context.retrains, ids)
    scores = []
    for index, left_out in enumerate(retrains):
        rest = np.delete(retrains, index, axis=0)
        pair = (target, left_out)
        scores.append([log_density(one, unlearned) - log_density(one, rest) for one in pair])
    return Scores(*np.array(scores).swapaxes(0, 1))


def gaussian_log_density(values: Floats, samples: Floats) -> Floats:
    """Log-density of `values` (n,) under Gaussians fitted to `samples` (models, n)."""
    std = np.maximum(samples.std(axis=0, ddof=1), SMALLEST_STD)
    scaled = (values - samples.mean(axis=0)) / std
    return np.asarray(-0.5 * scaled**2 - np.log(std) - 0.5 * np.log(2 * np.pi))


def margins(models: Sequence[SplitOutputs], ids: NDArray[np.int64]) -> Floats:
    """Logit-scaled confidences (models, n) on examples of D_f."""
    return np.stack([logit_scaled_confidence(model.forget.of_ids(ids)) for model in models])


def require_shadows(context: ModelContext) -> None:
    """Raise NoValue unless there are enough models on both sides."""
    if min(len(context.siblings) + 1, len(context.retrains)) < FEWEST:
        raise NoValue(f"fewer than {FEWEST} models of one forget set on a side")
