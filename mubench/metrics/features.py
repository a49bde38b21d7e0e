"""What a membership attack looks at: one number for each example, (n,) float64."""

import numpy as np

from mubench.metrics.outputs import Floats, Outputs


def confidence(outputs: Outputs) -> Floats:
    """q_y, the probability of the true class. Saturates at 1 for a memorised example."""
    return np.exp(_of_labels(outputs.log_probabilities(), outputs))


def logit_scaled_confidence(outputs: Outputs) -> Floats:
    """φ = log q_y - log(1 - q_y) = z_y - log sum_{k != y} exp z_k (Carlini et al. 2022).

    Rises with q_y and falls with the loss, so it ranks examples as both do; it never saturates.
    """
    logits = outputs.finite_logits()
    of_label = _of_labels(logits, outputs)
    logits[np.arange(len(outputs)), outputs.labels] = -np.inf
    return np.asarray(of_label - np.logaddexp.reduce(logits, axis=1))


def modified_entropy(outputs: Outputs) -> Floats:
    """-(1 - q_y) log q_y - sum_{k != y} q_k log(1 - q_k): low for a sure and right answer.

    Song & Mittal 2021. The field's most copied code takes log q_k for log(1 - q_k) and
    edits the columns of all labels in every row, which makes its values independent of the labels.
    """
    log_q = outputs.log_probabilities()
    rows = np.arange(len(outputs))
    log_rest = _log_complements(log_q)
    terms = np.exp(log_q) * log_rest
    terms[rows, outputs.labels] = (
        np.exp(log_rest[rows, outputs.labels]) * log_q[rows, outputs.labels]
    )
    return np.asarray(-terms.sum(axis=1))


def _log_complements(log_q: Floats) -> Floats:
    """log(1 - q_k) (n, K), finite even where the largest q_k rounds to 1."""
    top = log_q.argmax(axis=1)[:, None]
    others = log_q.copy()
    np.put_along_axis(others, top, -np.inf, axis=1)
    complements = np.log(-np.expm1(others))
    np.put_along_axis(complements, top, np.logaddexp.reduce(others, axis=1, keepdims=True), axis=1)
    return complements


def _of_labels(values: Floats, outputs: Outputs) -> Floats:
    return np.asarray(values[np.arange(len(outputs)), outputs.labels])
