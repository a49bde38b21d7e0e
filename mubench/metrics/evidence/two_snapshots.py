"""The attacker who saw the model before and after unlearning.

After TC-UMIA (Fu et al. 2026, arXiv 2605.01129), whose attacker tells forgotten, retained and
unseen examples by the predictions of both models. Here are its two binary questions, forgotten or
unseen and retained or unseen, each with a logistic regression on five numbers of an example. The
paper's features and classifier could not be verified. Its attacker is fitted on shadow models; this
one is fitted on other examples of the same models, which is an upper bound for it.
"""

import numpy as np

from mubench.metrics.distances import js_per_example
from mubench.metrics.evidence.classifier import FEWEST, held_out_auc
from mubench.metrics.features import logit_scaled_confidence
from mubench.metrics.membership import class_matched, id_order
from mubench.metrics.outputs import Floats, Outputs, retained_non_members
from mubench.metrics.related_models import ModelContext, NoValue, Values, value_or_reason

MOST = 1000
"""Most examples a side."""


def two_snapshots(context: ModelContext) -> Values:
    """AUC of telling forgotten from unseen examples, and retained from unseen ones.

    Both sides have equally many examples of each class. Retrain, which is compared with the same
    original, has values of its own: they are the target. Raises NoValue without the original.
    """
    before = context.before
    if before is None:
        raise NoValue("no original of the request")
    target = context.target
    held_out = before.holdout.labelled_like_members()

    def auc(members: Outputs, earlier: Outputs, unseen: Outputs) -> float:
        seen, others = class_matched(members, unseen)
        seen, others = _few(seen), _few(others)
        if len(seen) < FEWEST:
            raise NoValue("too few held-out examples like those that are attacked")
        return held_out_auc(
            features(earlier.of_ids(seen.ids), seen),
            features(held_out.of_ids(others.ids), others),
            seen.ids,
            others.ids,
        )

    like_retained = retained_non_members(target, context.forget_classes, context.forget_groups)
    return {
        "two_snapshot_auc": value_or_reason(
            lambda: auc(target.forget, before.forget, context.comparable_holdout())
        ),
        "retained_leakage_auc": value_or_reason(
            lambda: auc(target.retain, before.retain, like_retained)
        ),
    }


def features(before: Outputs, after: Outputs) -> Floats:
    """Logit-scaled confidence and entropy of either model, and their divergence: (n, 5)."""
    return np.column_stack(
        [
            logit_scaled_confidence(before),
            logit_scaled_confidence(after),
            _entropies(before),
            _entropies(after),
            js_per_example(before, after),
        ]
    )


def _entropies(outputs: Outputs) -> Floats:
    log_q = outputs.log_probabilities()
    return np.asarray(-(np.exp(log_q) * log_q).sum(axis=1))


def _few(outputs: Outputs) -> Outputs:
    return outputs.at(id_order(outputs.ids)[:MOST])
