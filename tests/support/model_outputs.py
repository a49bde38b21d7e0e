"""Outputs of made-up models."""

import numpy as np

from mubench.metrics.outputs import Evaluated, Outputs


def outputs(logits, labels, ids=None):
    logits = np.asarray(logits, np.float32)
    ids = np.arange(len(logits)) if ids is None else np.asarray(ids)
    return Outputs(ids.astype(np.int64), np.asarray(labels, np.int64), logits)


def drawn(seed, n=60, num_classes=4, sharpness=2.0, first_id=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, n)
    logits = rng.normal(size=(n, num_classes)) + sharpness * np.eye(num_classes)[labels]
    return outputs(logits, labels, np.arange(first_id, first_id + n))


def model(seed, sharpness=2.0):
    """Outputs of a model whose labels do not depend on the model's seed."""
    parts = {}
    for number, (name, n) in enumerate({"forget": 40, "retain": 150, "holdout": 80}.items()):
        fixed = drawn(number, n, first_id=1000 * number)
        rng = np.random.default_rng((seed, number))
        logits = rng.normal(size=(n, 4)) + sharpness * np.eye(4)[fixed.labels]
        parts[name] = outputs(logits, fixed.labels, fixed.ids)
    return Evaluated(**parts)


def class_request(evaluated, label):
    """The same model's outputs where one whole class is to be forgotten."""
    return Evaluated(
        evaluated.retain.of_classes([label]),
        evaluated.retain.without_classes([label]),
        evaluated.holdout,
    )


def of_margins(values, first_id=0):
    """Two classes, label 0, with these logit-scaled confidences."""
    values = np.asarray(values, float)
    logits = np.stack([values, np.zeros_like(values)], axis=1)
    ids = np.arange(first_id, first_id + len(values))
    return Outputs(ids, np.zeros(len(values), np.int64), logits)


def with_margins(forget, holdout=(0.0, 0.0)):
    """A model of two classes with these logit-scaled confidences on D_f and on the held-out set."""
    return Evaluated(of_margins(forget), of_margins([0.0], 10_000), of_margins(holdout, 20_000))
