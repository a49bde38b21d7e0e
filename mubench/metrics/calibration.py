"""Expected calibration error: whether a model is right as often as it says (Guo et al. 2017)."""

import numpy as np

from mubench.metrics.outputs import Outputs
from mubench.metrics.related_models import NoValue, Related

BINS = 15


def ece_forget(related: Related) -> float:
    """On D_f. A model that still knows wrong labels of D_f by heart is calibrated there."""
    return expected_calibration_error(related.target.forget)


def ece_holdout(related: Related) -> float:
    """On the held-out examples that TA counts. Raises NoValue where there are none."""
    return expected_calibration_error(related.kept())


def expected_calibration_error(outputs: Outputs) -> float:
    """Mean over examples of |accuracy - mean confidence| of their bin, in [0, 1].

    The confidence is the largest probability; bins are `BINS` equal ones of (0, 1], each with its
    right edge. Raises NoValue for no examples.
    """
    if len(outputs) == 0:
        raise NoValue("no held-out examples")
    sure = np.exp(outputs.log_probabilities()).max(axis=1)
    right = outputs.predictions() == outputs.labels
    bins = np.clip(np.ceil(BINS * sure).astype(int) - 1, 0, BINS - 1)
    excess = np.bincount(bins, weights=right - sure, minlength=BINS)
    return float(np.abs(excess).sum() / len(outputs))
