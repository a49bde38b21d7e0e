"""What a search minimises. Apart from `score`, so that a new metric never re-runs a search."""

from collections.abc import Mapping

import numpy as np

from mubench.metrics.accuracy import accuracy, unlearning_accuracy
from mubench.metrics.gap import gap
from mubench.metrics.membership import SvcAttack, mia_auc, mia_svc
from mubench.metrics.outputs import Evaluated, Outputs, comparable_holdout, retained_holdout


def components(
    model: Evaluated, forget_classes: tuple[int, ...] = (), forget_groups: tuple[int, ...] = ()
) -> dict[str, float]:
    """The four values that Avg. Gap compares: `ua`, `ra`, `ta`, `mia_svc`."""
    holdout = retained_holdout(model, forget_classes, forget_groups)
    return four_values(model, holdout, mia_svc(model.forget, model.retain, holdout))


def objective_gap(
    unlearned: Evaluated,
    retrained_values: Mapping[str, float],
    forget_classes: tuple[int, ...] = (),
    forget_groups: tuple[int, ...] = (),
) -> float:
    """What a search minimises: Avg. Gap with validation as the held-out split, in [0, 1].

    `retrained_values` are the `components` of the search request's own Retrain on the same splits.
    """
    return gap(components(unlearned, forget_classes, forget_groups), retrained_values).value


def retrain_free_gap(
    unlearned: Evaluated,
    original: Evaluated,
    forget_classes: tuple[int, ...] = (),
    forget_groups: tuple[int, ...] = (),
) -> float:
    """The objective for those who cannot retrain: Avg. Gap to what Retrain should roughly score.

    Unseen examples are predicted like held-out ones, so FA's target is the original's accuracy on
    held-out examples, or 0 where whole classes are forgotten. RA and TA should stay the original's.
    An attacker should be at chance: 0.5 for `mia_auc`; the term is left out where undefined.
    """
    ta, ta_target = (
        accuracy(retained_holdout(model, forget_classes, forget_groups))
        for model in (unlearned, original)
    )
    terms = [
        unlearning_accuracy(unlearned.forget) - (1.0 if forget_classes else 1 - ta_target),
        accuracy(unlearned.retain) - accuracy(original.retain),
        ta - ta_target,
    ]
    auc = mia_auc(unlearned.forget, comparable_holdout(unlearned, forget_groups))
    if auc is not None:
        terms.append(auc - 0.5)
    return float(np.mean(np.abs(terms)))


def four_values(model: Evaluated, holdout: Outputs, attack: SvcAttack) -> dict[str, float]:
    """`components` from the held-out examples that TA counts and the attack on them."""
    return {
        "ua": unlearning_accuracy(model.forget),
        "ra": accuracy(model.retain),
        "ta": accuracy(holdout),
        "mia_svc": attack.efficacy,
    }
