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


def _of_labels(values: Floats, outputs: Outputs) -> Floats:
    return np.asarray(values[np.arange(len(outputs)), outputs.labels])
