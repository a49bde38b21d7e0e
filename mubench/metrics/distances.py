"""Distances between the predictions of an unlearned model and a retrained one, and entropy.

All but `js_per_example` are means over the examples of one set, in nats unless said otherwise. Both
models must have outputs for the same examples, in any order: examples are matched by id. Raises
ValueError where the numbers of examples or classes differ or the set is empty, KeyError where an id
is missing.
"""

import numpy as np

from mubench.metrics.outputs import Floats, Outputs


def kl(retrained: Outputs, unlearned: Outputs) -> float:
    """Mean KL(q_retrained || q_unlearned): the divergence of the unlearned model from Retrain."""
    log_r, log_u = _paired_log_probabilities(retrained, unlearned)
    # Where q_r underflows to 0 its term is 0 times a finite number: no clamp is needed.
    return float((np.exp(log_r) * (log_r - log_u)).sum(axis=1).mean())


def js(retrained: Outputs, unlearned: Outputs) -> float:
    """Mean Jensen-Shannon divergence, in [0, ln 2], symmetric.

    Half KL(q_r || m) plus half KL(q_u || m) with m their mean. The code of Bad Teacher and SSD
    measures KL(m || q) instead and divides by n K; this is the definition (Lin 1991).
    """
    return float(js_per_example(retrained, unlearned).mean())


def js_per_example(retrained: Outputs, unlearned: Outputs) -> Floats:
    """Jensen-Shannon divergence (n,) in [0, ln 2] of each example, in the order of `unlearned`."""
    log_r, log_u = _paired_log_probabilities(retrained, unlearned)
    # log(q_r / m) = ln 2 - log(1 + q_u / q_r), which is exactly 0 where both are equal.
    excess = log_u - log_r
    rows = np.exp(log_r) * (np.log(2) - np.logaddexp(0, excess))
    rows += np.exp(log_u) * (np.log(2) - np.logaddexp(0, -excess))
    return np.asarray(rows.sum(axis=1) / 2)


def agreement(retrained: Outputs, unlearned: Outputs) -> float:
    """Fraction of examples on which both predict the same class."""
    other = _same_examples(retrained, unlearned)
    return float((other.predictions() == unlearned.predictions()).mean())


def activation_distance(retrained: Outputs, unlearned: Outputs) -> float:
    """Mean Euclidean distance of the probability vectors, in [0, sqrt 2] (Golatkar et al. 2021)."""
    log_r, log_u = _paired_log_probabilities(retrained, unlearned)
    return float(np.linalg.norm(np.exp(log_r) - np.exp(log_u), axis=1).mean())


def entropy(outputs: Outputs) -> float:
    """Mean entropy of the predicted distribution, in [0, ln K]. High is not better."""
    if len(outputs) == 0:
        raise ValueError("entropy of no examples: the set is empty")
    log_q = outputs.log_probabilities()
    return float(-(np.exp(log_q) * log_q).sum(axis=1).mean())


def _paired_log_probabilities(retrained: Outputs, unlearned: Outputs) -> tuple[Floats, Floats]:
    other = _same_examples(retrained, unlearned)
    return other.log_probabilities(), unlearned.log_probabilities()


def _same_examples(retrained: Outputs, unlearned: Outputs) -> Outputs:
    if retrained.logits.shape != unlearned.logits.shape:
        raise ValueError(
            f"the models did not predict the same examples: logits of shape "
            f"{retrained.logits.shape} and {unlearned.logits.shape}"
        )
    if len(unlearned) == 0:
        raise ValueError("distance over no examples: the set is empty")
    return retrained.of_ids(unlearned.ids)
