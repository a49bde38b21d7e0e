"""Every number of a score has an entry in the table of metrics."""

import math

import pytest

from mubench.metrics.info import METRICS
from mubench.metrics.score import score
from tests.support.model_outputs import class_request, model


@pytest.mark.parametrize("forget_classes", [(), (2,)])
def test_every_number_of_a_score_has_an_entry_in_the_table_of_metrics(forget_classes):
    ours, target = model(1), model(2)
    if forget_classes:
        ours, target = class_request(ours, 2), class_request(target, 2)
    values = dict(score(ours, target, target, forget_classes).values)
    partial = score(ours, retrained_values={"ua": 0.1, "ra": 1.0, "ta": 0.9}).values
    assert partial["gap_terms"] == 3
    assert set(values) | set(partial) <= set(METRICS)
    assert ("ta_forget_class" in values) == bool(forget_classes)
    assert all(isinstance(value, int | float) and math.isfinite(value) for value in values.values())
    for name in ("ua", "ra", "ta", "ta_all", "mia_svc", "mia_auc", "gap", "tow", "js_forget"):
        assert name in values


def test_the_table_of_metrics_is_keyed_by_name():
    assert all(name == info.name for name, info in METRICS.items())
    assert all(info.description.endswith(".") for info in METRICS.values())
