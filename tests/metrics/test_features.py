"""Features of attacks against their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mubench.metrics.features import confidence, logit_scaled_confidence
from tests.support.membership import outputs
from tests.support.model_outputs import drawn
from tests.support.property_tests import properties


def test_margins_are_log_odds_of_the_label():
    """47."""
    part = drawn(3)
    q = confidence(part)
    np.testing.assert_allclose(logit_scaled_confidence(part), np.log(q / (1 - q)), atol=1e-10)


@properties
@given(st.integers(0, 10**6), st.integers(2, 12))
def test_features_match_their_definitions_example_by_example(seed, num_classes):
    rng = np.random.default_rng(seed)
    part = outputs(3 * rng.normal(size=(9, num_classes)), rng.integers(0, num_classes, 9))
    found = zip(confidence(part), logit_scaled_confidence(part), strict=True)
    for (q_y, phi), z, y in zip(found, part.logits, part.labels, strict=True):
        q = [math.exp(v) / math.fsum(math.exp(w) for w in z.tolist()) for v in z.tolist()]
        assert q_y == pytest.approx(q[y], rel=1e-9)
        assert phi == pytest.approx(math.log(q[y]) - math.log(1 - q[y]), abs=1e-7)


def test_features_of_saturated_logits_are_finite_and_still_ranked():
    part = outputs([[60, 0, 0], [90, 0, 0], [0, 60, 0]], [0, 0, 0])
    assert confidence(part)[0] == confidence(part)[1] == 1
    expected = [60 - math.log(2), 90 - math.log(2), -60]
    np.testing.assert_allclose(logit_scaled_confidence(part), expected, atol=1e-9)
