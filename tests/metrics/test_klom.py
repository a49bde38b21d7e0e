"""KLoM by hand and against a loop."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mubench.metrics.features import logit_scaled_confidence
from mubench.metrics.klom import divergences, klom
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import model


def test_klom_of_equal_sides_is_zero():
    """47."""
    margins = np.random.default_rng(0).normal(size=(9, 30))
    assert not divergences(margins, margins).any()
    assert not divergences(np.ones((4, 3)), np.ones((7, 3))).any()


def test_klom_by_hand():
    """Four models against two; 20 bins of [0, 1] are 0.05 wide."""
    unlearned = np.array([[0.0], [0.01], [0.5], [1.0]])
    retrains = np.array([[0.02], [1.0]])
    expected = 0.5 * math.log(0.5 / 0.5) + 0.25 * math.log(0.25 / 1e-5)
    expected += 0.25 * math.log(0.25 / 0.5)  # the largest margin counts: bug B16 drops it
    np.testing.assert_allclose(divergences(unlearned, retrains), [expected], rtol=1e-12)


def test_margins_beyond_a_hundred_are_clipped():
    near = np.array([[-100.0], [0.0], [100.0]])
    far = np.array([[-9e9], [0.0], [3e7]])
    assert not divergences(near, far).any()


def test_klom_is_the_mean_over_the_forget_set_of_a_loop():
    replicates = [model(seed) for seed in range(9)]
    retrains = [model(seed, sharpness=1.0) for seed in range(20, 30)]
    total = 0.0
    for example in range(40):
        sides = [
            [float(logit_scaled_confidence(m.forget)[example]) for m in models]
            for models in (replicates, retrains)
        ]
        joint = (min(map(min, sides)), max(map(max, sides)))
        p, q = (np.histogram(side, 20, joint)[0] / len(side) for side in sides)
        total += sum(a * math.log(a / max(b, 1e-5)) for a, b in zip(p, q, strict=True) if a)
    related = ModelContext(replicates[0], replicates=tuple(replicates), retrains=tuple(retrains))
    assert klom(related) == pytest.approx(total / 40, rel=1e-9)
    with pytest.raises(NoValue, match="fewer than 8 models of one forget set on a side"):
        klom(replace(related, replicates=tuple(replicates[:7])))
