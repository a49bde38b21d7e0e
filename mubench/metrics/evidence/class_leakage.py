"""What the other classes tell about a class or group that was forgotten whole.

MIA-NN (Ebrahimpour-Boroojeny et al. 2025, arXiv 2506.20893) looks at the probabilities of the
classes nearest to the forgotten one: hiding the class itself does not change how the rest is
divided. The paper reports accuracies of discriminators of neighbouring classes beside Retrain's,
and its details could not be verified. Here a logistic regression tells D_f under the target from
D_f under a Retrain by the log-probabilities of the nearest classes among the others.

Label leakage asks which class was forgotten. Zheng et al. 2026 (arXiv 2604.07386) infer it from
weights or from inverted inputs; here, from predictions alone.
"""

import numpy as np
from numpy.typing import NDArray

from mubench.metrics.evidence.classifier import FEWEST, held_out_auc
from mubench.metrics.outputs import Floats, Outputs
from mubench.metrics.related_models import ModelContext, NoValue, Values, value_or_reason

NEAREST = 3


def class_leakage(context: ModelContext) -> Values:
    """AUC of MIA-NN, and the share of forgotten classes that are found out.

    Raises NoValue where D_f is no whole class or group.
    """
    if context.is_random:
        raise NoValue("no whole class or group is forgotten")
    return {
        "mia_nn_auc": value_or_reason(lambda: _mia_nn(context)),
        "label_leakage": value_or_reason(lambda: _label_leakage(context)),
    }


def nearest_shares(outputs: Outputs, nearest: NDArray[np.int64]) -> Floats:
    """Log-probabilities (n, m) of the classes in `nearest` (m,), among all but those of D_f."""
    others = np.setdiff1d(np.arange(outputs.num_classes), outputs.labels)
    log_q = outputs.log_probabilities()
    total = np.logaddexp.reduce(log_q[:, others], axis=1, keepdims=True)
    return np.asarray(log_q[:, nearest] - total)


def _mia_nn(context: ModelContext) -> float:
    compared = context.compared_with
    if compared is None:
        raise NoValue("no other Retrain of the request; 'floor' in the sweep file makes some")
    forget = context.target.forget
    retrained = compared.forget.of_ids(forget.ids)
    others = np.setdiff1d(np.arange(forget.num_classes), forget.labels)
    if len(others) < 2 or len(forget) < FEWEST:
        raise NoValue("too few other classes or forgotten examples")
    means = np.exp(retrained.log_probabilities())[:, others].mean(axis=0)
    nearest = others[np.argsort(-means, kind="stable")[:NEAREST]]
    sides = [nearest_shares(model, nearest) for model in (forget, retrained)]
    return held_out_auc(sides[0], sides[1], forget.ids, forget.ids)


def _label_leakage(context: ModelContext) -> float:
    """Who expects every class equally often suspects those with the least mean probability."""
    classes = context.forget_classes
    if not classes:
        raise NoValue("no class is forgotten")
    held_out = context.target.holdout
    means = np.exp(held_out.log_probabilities()).mean(axis=0)
    suspected = np.argsort(means, kind="stable")[: len(classes)]
    return float(np.isin(classes, suspected).mean())
