"""Memorisation and the choice of examples, against numbers worked out by hand."""

import numpy as np
import pytest

from mubench.metrics.difficulty import by_value, chosen, mean_confidence, memorisation
from mubench.metrics.outputs import Outputs


def of_confidences(values):
    """Outputs of two classes, label 0, from {id: confidence in the label}."""
    ids = np.array(list(values), dtype=np.int64)
    p = np.array(list(values.values()))
    logits = np.log(np.stack([p, 1 - p], axis=1)).astype(np.float32)
    return Outputs(ids, np.zeros(len(ids), np.int64), logits)


def test_memorisation_is_of_the_models_that_did_not_see_an_example():
    seen = [of_confidences({7: 0.9, 3: 0.8, 5: 0.6}), of_confidences({3: 0.6, 5: 0.8, 7: 0.9})]
    unseen = [of_confidences({7: 0.1, 5: 0.2}), of_confidences({7: 0.3}), of_confidences({9: 0.5})]
    ids = np.array([3, 5, 7])
    found = memorisation(iter(seen), iter(unseen), ids)
    np.testing.assert_allclose(found, [np.nan, 0.7 - 0.2, 0.9 - 0.2], atol=1e-6)
    np.testing.assert_allclose(mean_confidence(seen, ids), [0.7, 0.7, 0.9], atol=1e-6)
    assert np.isnan(mean_confidence([], ids)).all()


VALUES = np.array([0.9, 0.1, 0.55, 0.2, 0.4, 0.95, 0.0, 0.3, 0.8])
IDS = np.arange(9) * 10


@pytest.mark.parametrize(
    ("which", "count", "expected"),
    [
        ("lowest", 3, [0.0, 0.1, 0.2]),
        ("highest", 3, [0.8, 0.9, 0.95]),
        ("mixed", 3, [0.0, 0.55, 0.95]),
        ("mixed", 6, [0.0, 0.1, 0.4, 0.55, 0.9, 0.95]),
        ("mixed", 5, [0.0, 0.1, 0.4, 0.55, 0.95]),
        ("mixed", 9, sorted(VALUES)),
    ],
)
def test_the_examples_that_are_asked_for_come_by_rising_values(which, count, expected):
    found = chosen(VALUES, IDS, which, count)
    assert VALUES[found].tolist() == expected


def test_the_middle_is_looked_for_among_the_others():
    """All are memorised little: those nearest to 0.5 are the highest, and are taken once."""
    values = np.arange(30) / 100
    found = chosen(values, np.arange(30), "mixed", 9)
    assert found.tolist() == [0, 1, 2, 24, 25, 26, 27, 28, 29]


def test_equal_values_do_not_follow_the_order_of_the_examples():
    ids = np.random.default_rng(0).permutation(50)
    order = by_value(np.zeros(50), ids)
    assert ids[order].tolist() == by_value(np.zeros(50), np.arange(50)).tolist()
    assert ids[order].tolist() != sorted(ids)
