"""What a search records and minimises. Apart from `score`: a new metric never re-runs a search."""

from collections.abc import Mapping

import numpy as np

from mubench.metrics.accuracy import accuracy, unlearning_accuracy
from mubench.metrics.gap import COMPARED, FORMS, Objective, form_of, gap
from mubench.metrics.membership import SvcAttack, mia_auc, mia_svc
from mubench.metrics.outputs import (
    Evaluated,
    comparable_holdout,
    retained_holdout,
    retained_non_members,
)


def components(
    model: Evaluated, forget_classes: tuple[int, ...] = (), forget_groups: tuple[int, ...] = ()
) -> dict[str, float]:
    """The values that gaps compare: `ua`, `ra`, `ta`, `mia_svc`, and `mia_auc` if it is defined."""
    others = retained_non_members(model, forget_classes, forget_groups)
    attack = mia_svc(model.forget, model.retain, others)
    return compared_values(model, attack, forget_classes, forget_groups)


def compared_values(
    model: Evaluated,
    attack: SvcAttack,
    forget_classes: tuple[int, ...] = (),
    forget_groups: tuple[int, ...] = (),
) -> dict[str, float]:
    """`components` of a model with the SVC attack on it."""
    values = {
        "ua": unlearning_accuracy(model.forget),
        "ra": accuracy(model.retain),
        "ta": accuracy(retained_holdout(model, forget_classes, forget_groups)),
        "mia_svc": attack.efficacy,
    }
    auc = mia_auc(model.forget, comparable_holdout(model, forget_groups))
    return values if auc is None else {**values, "mia_auc": auc}


def gaps(values: Mapping[str, float], retrained_values: Mapping[str, float]) -> dict[str, float]:
    """Every form of Avg. Gap, in [0, 1], and Retrain's values beside it as `retrain_*`.

    Both are `components`, on the same splits of one request.
    """
    target = {f"retrain_{n}": retrained_values[n] for n in COMPARED if n in retrained_values}
    return {**target, **{form: gap(values, retrained_values, form).value for form in FORMS}}


def search_values(
    objective: Objective,
    unlearned: Evaluated,
    original: Evaluated | None,
    retrained_values: Mapping[str, float],
    forget_classes: tuple[int, ...] = (),
    forget_groups: tuple[int, ...] = (),
) -> dict[str, float]:
    """What a search records of a candidate: `components`, `gaps`, and the `objective` in [0, 1].

    All are taken with validation as the held-out split. `retrained_values` are the `components` of
    the search request's own Retrain. Only `retrain_free` looks at the original.
    """
    values = components(unlearned, forget_classes, forget_groups)
    found = {**values, **gaps(values, retrained_values)}
    form = form_of(objective)
    if form is not None:
        return {**found, "objective": found[form]}
    assert original is not None
    value = retrain_free_gap(unlearned, original, forget_classes, forget_groups)
    return {**found, "objective": value}


def retrain_free_gap(
    unlearned: Evaluated,
    original: Evaluated,
    forget_classes: tuple[int, ...] = (),
    forget_groups: tuple[int, ...] = (),
) -> float:
    """The objective for those who cannot retrain: Avg. Gap to what Retrain should roughly score.

    Unseen examples are predicted like held-out ones with labels as in D_tr, so FA's target is the
    original's accuracy on these, or 0 where whole classes are forgotten. RA and TA should stay the
    original's. An attacker should be at chance: 0.5 for `mia_auc`; the term is left out where
    undefined. Not for groups: held-out examples of a group are no model of a group never seen.
    """
    unseen = accuracy(retained_non_members(original, forget_classes, forget_groups))
    ta, ta_target = (
        accuracy(retained_holdout(model, forget_classes, forget_groups))
        for model in (unlearned, original)
    )
    terms = [
        unlearning_accuracy(unlearned.forget) - (1.0 if forget_classes else 1 - unseen),
        accuracy(unlearned.retain) - accuracy(original.retain),
        ta - ta_target,
    ]
    auc = mia_auc(unlearned.forget, comparable_holdout(unlearned, forget_groups))
    if auc is not None:
        terms.append(auc - 0.5)
    return float(np.mean(np.abs(terms)))
