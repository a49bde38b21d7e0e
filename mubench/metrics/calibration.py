"""Expected calibration error: how far confidence and accuracy differ (Guo et al. 2017)."""

import numpy as np

from mubench.metrics.outputs import Outputs
from mubench.metrics.related_models import ModelContext, NoValue

BINS = 15


def ece_forget(context: ModelContext) -> float:
    """ECE on D_f. A model that has memorised wrong labels of D_f is calibrated there."""
    return expected_calibration_error(context.target.forget)


def ece_holdout(context: ModelContext) -> float:
    """ECE on the held-out examples that TA counts. Raises NoValue for an empty set."""
    return expected_calibration_error(context.retained_holdout())


def expected_calibration_error(outputs: Outputs) -> float:
    """Mean over examples of |accuracy - mean confidence| of their bin, in [0, 1].

    The confidence is the largest probability; bins are `BINS` equal ones of (0, 1], each with its
    right edge. Raises NoValue for no examples.
    """
    if len(outputs) == 0:
        raise NoValue("no held-out examples")
    confidences = np.exp(outputs.log_probabilities()).max(axis=1)
    is_right = outputs.predictions() == outputs.labels
    bins = np.clip(np.ceil(BINS * confidences).astype(int) - 1, 0, BINS - 1)
    excess = np.bincount(bins, weights=is_right - confidences, minlength=BINS)
    return float(np.abs(excess).sum() / len(outputs))
