"""The metrics of a step: outputs of models in, named fractions out.

Where classes or groups are forgotten whole (`forget_classes`, `forget_groups`), TA and the SVC
attack use the held-out split without them: Retrain never saw examples like them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mubench.metrics import distances
from mubench.metrics.accuracy import accuracy, count
from mubench.metrics.gap import TERMS, gap, tow, tow_mia
from mubench.metrics.membership import SvcAttack, mia_svc
from mubench.metrics.objective import compared_values, components, gaps
from mubench.metrics.outputs import Evaluated, retained_non_members
from mubench.metrics.plugin_metrics import plugin_values

UNCHANGED = "predictions unchanged"
UNINFORMATIVE = "uninformative attack"
INVERTED = "inverted attack"


@dataclass(frozen=True)
class Scores:
    """Finite numbers by metric name, and warnings about them for the reader."""

    values: Mapping[str, float]
    flags: tuple[str, ...]


def score(
    unlearned: Evaluated,
    retrained: Evaluated | None = None,
    original: Evaluated | None = None,
    forget_classes: tuple[int, ...] = (),
    *,
    forget_groups: tuple[int, ...] = (),
    retrained_values: Mapping[str, float] | None = None,
) -> Scores:
    """Every metric of one model on one request; a metric that has no meaning here is absent.

    With `retrained` also the distances to it, `retrain_*` and the gap. `retrained_values` are its
    `components`, where the caller has them already; they are enough for the gap. With `original` a
    model that predicts the same as it everywhere is flagged: the method did nothing. Raises
    ValueError for non-finite logits and for an empty set.
    """
    others = retained_non_members(unlearned, forget_classes, forget_groups)
    attack = mia_svc(unlearned.forget, unlearned.retain, others)
    values = compared_values(unlearned, attack, forget_classes, forget_groups)
    values |= _own_values(unlearned, attack)
    values |= _forgotten_accuracies(unlearned, forget_classes, forget_groups)
    values |= _corrected(unlearned) | _fooled(unlearned)
    if retrained is not None:
        values |= _distances(unlearned, retrained)
        if retrained_values is None:
            retrained_values = components(retrained, forget_classes, forget_groups)
    if retrained_values is not None:
        values |= _comparison(values, retrained_values)
    values |= plugin_values(unlearned, retrained, original, forget_classes)
    flags = []
    if original is not None and _predicts_like(unlearned, original):
        flags.append(UNCHANGED)
    if attack.is_uninformative:
        flags.append(UNINFORMATIVE)
    if attack.is_inverted:
        flags.append(INVERTED)
    return Scores(values, tuple(flags))


def _own_values(model: Evaluated, attack: SvcAttack) -> dict[str, float]:
    return {
        "ta_all": accuracy(model.holdout),
        "mia_svc_attack_accuracy": attack.attack_accuracy,
        "entropy_forget": distances.entropy(model.forget),
    }


def _forgotten_accuracies(
    model: Evaluated, classes: tuple[int, ...], groups: tuple[int, ...]
) -> dict[str, float]:
    """Accuracy on held-out examples like those in D_f, and on other groups of their classes."""
    in_groups = model.holdout.of_groups(groups)
    # D_f's own labels may have been made wrong on purpose.
    labels = np.unique((in_groups if len(in_groups) else model.forget).labels)
    parts = {"ta_forget_class": model.holdout.of_classes(classes)}
    if groups:
        adjacent = model.holdout.of_classes(labels).without_groups(groups)
        parts |= {"ta_forget_group": in_groups, "ta_adjacent": adjacent}
    return {name: accuracy(part) for name, part in parts.items() if len(part)}


def _corrected(model: Evaluated) -> dict[str, float]:
    """Accuracy on true labels where D_tr has wrong ones, in D_f or not."""
    parts = [part.corrupted() for part in (model.forget, model.retain)]
    counts = [count(part) for part in parts if len(part)]
    total = sum(each.total for each in counts)
    return {"corrected_accuracy": sum(each.correct for each in counts) / total} if counts else {}


def _fooled(model: Evaluated) -> dict[str, float]:
    """Success of the trigger on held-out images of other classes than its own."""
    fooled = model.holdout.fooled
    if fooled is None or (fooled < 0).all():
        return {}
    return {"trigger_success": float((fooled[fooled >= 0] == 1).mean())}


def _distances(unlearned: Evaluated, retrained: Evaluated) -> dict[str, float]:
    pair = (retrained.forget, unlearned.forget)
    return {
        "kl_forget": distances.kl(*pair),
        "js_forget": distances.js(*pair),
        "agreement_forget": distances.agreement(*pair),
        "activation_distance_forget": distances.activation_distance(*pair),
        "agreement_holdout": distances.agreement(retrained.holdout, unlearned.holdout),
    }


def _comparison(values: Mapping[str, float], target: Mapping[str, float]) -> dict[str, float]:
    compared = {**gaps(values, target), "tow": tow(values, target)}
    if "mia_svc" in target:
        compared["tow_mia"] = tow_mia(values, target)
    terms = gap(values, target).terms
    if terms < len(TERMS):
        compared["gap_terms"] = float(terms)
    return compared


def _predicts_like(one: Evaluated, other: Evaluated) -> bool:
    pairs = (
        (one.forget, other.forget),
        (one.retain, other.retain),
        (one.holdout, other.holdout),
    )
    return all(distances.agreement(b, a) == 1 for a, b in pairs)
