"""The calibration error against a loop and by hand."""

import numpy as np
import pytest

from mubench.metrics.calibration import BINS, ece_holdout, expected_calibration_error
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import class_request, drawn, model, outputs


def test_calibration_error_is_that_of_a_loop():
    part = drawn(5, 400, sharpness=1.0)
    q = np.exp(part.logits.astype(float))
    q /= q.sum(axis=1, keepdims=True)
    expected = 0.0
    for b in range(15):
        inside = [i for i in range(400) if b / 15 < q[i].max() <= (b + 1) / 15]
        if inside:
            right = sum(q[i].argmax() == part.labels[i] for i in inside) / len(inside)
            sure = sum(q[i].max() for i in inside) / len(inside)
            expected += len(inside) / 400 * abs(right - sure)
    assert BINS == 15
    assert expected_calibration_error(part) == pytest.approx(expected, abs=1e-12)
    assert expected > 0.04


def test_calibration_error_by_hand():
    sure_and_wrong = outputs([[100.0, 0.0], [100.0, 0.0]], [1, 0])
    assert expected_calibration_error(sure_and_wrong) == pytest.approx(0.5)
    undecided = outputs([[0.0, 0.0], [0.0, 0.0]], [1, 0])
    assert expected_calibration_error(undecided) == pytest.approx(0.0)
    with pytest.raises(NoValue):
        expected_calibration_error(drawn(1).of_classes([]))


def test_calibration_on_held_out_examples_leaves_out_what_is_forgotten_whole():
    target = class_request(model(1), 2)
    found = ece_holdout(ModelContext(target, forget_classes=(2,)))
    assert found == expected_calibration_error(target.holdout.without_classes([2]))
    assert found != expected_calibration_error(target.holdout)
