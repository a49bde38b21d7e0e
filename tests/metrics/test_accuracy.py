"""Accuracies are counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mubench.metrics.accuracy import accuracy, count, unlearning_accuracy
from tests.support.model_outputs import model, outputs
from tests.support.property_tests import properties


@properties
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=50))
def test_ua_is_the_count_of_wrong_answers(pairs):
    """36: UA + FA is one as integers; the oracle counts in a loop."""
    predicted, labels = zip(*pairs, strict=True)
    part = outputs(np.eye(3)[list(predicted)], labels)
    wrong = sum(p != y for p, y in pairs)
    tally = count(part)
    assert (tally.correct + wrong, tally.total) == (len(pairs), len(pairs))
    assert unlearning_accuracy(part) == wrong / len(pairs)
    assert accuracy(part) == (len(pairs) - wrong) / len(pairs)


def test_fa_and_ra_weighted_by_size_recombine_to_the_accuracy_on_train():
    """36."""
    evaluated = model(1)
    forget, retain = evaluated.forget, evaluated.retain
    train = outputs(
        np.concatenate([forget.logits, retain.logits]),
        np.concatenate([forget.labels, retain.labels]),
    )
    recombined = (1 - unlearning_accuracy(forget)) * len(forget) + accuracy(retain) * len(retain)
    assert recombined / len(train) == pytest.approx(accuracy(train), abs=1e-15)


def test_accuracy_of_nothing_raises():
    with pytest.raises(ValueError, match="no examples"):
        accuracy(outputs(np.zeros((0, 3)), []))
