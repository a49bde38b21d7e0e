"""Outputs: shapes, labels, ids, exact log-probabilities."""

import math
from dataclasses import replace

import numpy as np
import pytest

from mubench.metrics.outputs import (
    Evaluated,
    Outputs,
    comparable_holdout,
    retained_holdout,
    retained_non_members,
)
from tests.support.model_outputs import outputs


def test_outputs_refuse_shapes_that_do_not_fit_and_show_both():
    with pytest.raises(ValueError, match=r"ids of shape \(2,\) do not fit .* shape \(3, 4\)"):
        Outputs(np.arange(2), np.zeros(3, np.int64), np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match=r"labels of shape \(3, 1\) do not fit"):
        Outputs(np.arange(3), np.zeros((3, 1), np.int64), np.zeros((3, 4), np.float32))
    with pytest.raises(ValueError, match=r"\(n, K >= 2\), got \(3,\)"):
        Outputs(np.arange(3), np.zeros(3, np.int64), np.zeros(3, np.float32))


@pytest.mark.parametrize("label", [-1, 4])
def test_outputs_refuse_a_label_that_is_no_class(label):
    with pytest.raises(ValueError, match=r"labels must lie in \[0, 4\)"):
        outputs(np.zeros((2, 4)), [0, label])


def test_log_probabilities_stay_exact_for_logits_far_apart():
    log_q = outputs([[1000.0, 0.0, 0.0]], [0]).log_probabilities()
    np.testing.assert_allclose(log_q, [[0, -1000, -1000]], atol=1e-12)
    even = outputs([[3.0, 3.0]], [0]).log_probabilities()
    np.testing.assert_allclose(even, -math.log(2), atol=1e-15)


def test_gathering_by_id_follows_the_asked_order_and_names_the_first_absent_one():
    part = outputs(np.eye(4), [0, 1, 2, 3], ids=[40, 10, 30, 20])
    gathered = part.of_ids(np.array([20, 40]))
    assert gathered.ids.tolist() == [20, 40]
    assert gathered.labels.tolist() == [3, 0]
    assert gathered.predictions().tolist() == [3, 0]
    for absent in (25, 99, -1):
        with pytest.raises(KeyError, match=f"id {absent} is not among these 4"):
            part.of_ids(np.array([10, absent, 77]))


def with_noise():
    plain = outputs(np.eye(4), [0, 1, 2, 3])
    return replace(
        plain,
        noisy_labels=np.array([0, 1, 3, 2]),
        groups=np.array([0, 0, 1, 1]),
        true_labels=np.array([0, 0, 1, 1]),
    )


def test_stored_arrays_are_the_fields_that_are_there():
    for part in (outputs(np.eye(2), [0, 1]), with_noise()):
        again = Outputs.of_arrays(part.arrays())
        for name in ("ids", "labels", "logits", "groups", "noisy_labels", "true_labels"):
            one, other = getattr(part, name), getattr(again, name)
            assert (one is None and other is None) or np.array_equal(one, other)
    assert "groups" not in outputs(np.eye(2), [0, 1]).arrays()


def test_non_members_have_the_labels_of_members_and_test_accuracy_the_true_ones():
    """Examples 2 and 3 would be labelled wrongly in D_tr; class 3 is forgotten."""
    forget = outputs(np.eye(4)[3:], [3], ids=[7])
    model = Evaluated(forget, outputs(np.eye(4)[:3], [0, 1, 2], ids=[4, 5, 6]), with_noise())
    assert retained_holdout(model, (3,), ()).labels.tolist() == [0, 1, 2]
    unseen = retained_non_members(model, (3,), ())
    assert (unseen.ids.tolist(), unseen.labels.tolist()) == ([0, 1, 3], [0, 1, 2])
    alike = comparable_holdout(model, ())
    assert (alike.ids.tolist(), alike.labels.tolist()) == ([2], [3])
    assert comparable_holdout(model, (1,)).labels.tolist() == [3, 2]
    assert with_noise().at(np.array([3])).noisy_labels.tolist() == [2]
