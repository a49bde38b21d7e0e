"""The worst class and group, by counting."""

import numpy as np
import pytest

from mubench.metrics.evidence.subgroups import subgroups, worst
from mubench.metrics.outputs import Evaluated, Outputs
from mubench.metrics.related_models import ModelContext, NoValue
from tests.support.model_outputs import outputs


def answered(labels, right, groups=None):
    """Examples of three classes, of which some are answered rightly."""
    labels, right = np.asarray(labels), np.asarray(right)
    predicted = np.where(right, labels, (labels + 1) % 3)
    made = outputs(np.eye(3)[predicted], labels)
    return Outputs(made.ids, made.labels, made.logits, groups)


def test_the_worst_class_is_the_one_with_the_lowest_accuracy():
    labels = np.repeat([0, 1, 2], [10, 20, 9])
    right = np.concatenate([np.arange(10) < 7, np.arange(20) < 12, np.zeros(9, bool)])
    assert worst(answered(labels, right), labels) == 0.6  # class 2 has nine examples


def test_forgotten_classes_and_groups_do_not_count():
    labels = np.repeat([0, 1, 2], 10)
    right = np.concatenate([np.arange(10) < 9, np.arange(10) < 4, np.arange(10) < 8])
    groups = np.repeat([5, 6, 7, 8], [10, 5, 5, 10])
    held_out = answered(labels, right, groups)
    model = Evaluated(held_out.of_classes([1]), held_out.without_classes([1]), held_out)
    found = subgroups(ModelContext(model, forget_classes=(1,)))
    assert found["ra_worst_class"] == found["ta_worst_class"] == 0.8
    assert found["ta_worst_group"] == 0.8
    everything = subgroups(ModelContext(Evaluated(held_out, held_out, held_out)))
    assert everything["ta_worst_class"] == 0.4
    assert everything["ta_worst_group"] == 0.8  # the groups of class 1 have five examples each


def test_it_says_what_it_lacks():
    few = answered([0, 1, 2], [True] * 3)
    found = subgroups(ModelContext(Evaluated(few, few, few)))
    assert "no class or group with 10 examples" in str(found["ra_worst_class"])
    assert "the data set has no groups" in str(found["ta_worst_group"])
    with pytest.raises(NoValue):
        worst(few.at(np.array([], int)), few.labels[:0])
