"""Outputs with given confidences."""

import numpy as np

from mubench.metrics.outputs import Outputs


def outputs(logits, labels, first_id=0):
    logits = np.asarray(logits, np.float32)
    ids = np.arange(first_id, first_id + len(logits))
    return Outputs(ids, np.asarray(labels, np.int64), logits)


def of_confidences(values, first_id=0):
    """Two classes, label 0, q_0 = values."""
    log_odds = np.log(values) - np.log1p(-np.asarray(values))
    return outputs(
        np.stack([log_odds, np.zeros_like(log_odds)], axis=1), [0] * len(values), first_id
    )


def shuffled(part, rng):
    return part.at(rng.permutation(len(part)))
