"""What is sent of a run's metrics, against a small model of what MLflow shows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mubench.tracking.run_data import CREATED, CURVE, RunData
from mubench.tracking.run_sync import _changed_metrics

NAMES = st.sampled_from(["gap", "ua", "tuned/gap", f"{CURVE}objective"])
METRICS = st.dictionaries(NAMES, st.floats(-1, 1).map(lambda value: round(value, 3)))


def run(metrics, end=1000, tags=None):
    return RunData(
        key="k", parent="", name="k", status="", start=0, end=end, tags=tags or {}, metrics=metrics
    )


def shown(history):
    """Of one name MLflow shows the value with the largest step, then the latest."""
    return {point[0]: point[3] for point in sorted(history, key=lambda point: point[:3])}


@given(st.lists(METRICS, min_size=1, max_size=5))
def test_whatever_was_sent_before_the_last_metrics_are_shown(versions):
    history, logged = [], {}
    for clock, metrics in enumerate(versions):
        sent = _changed_metrics(logged, run(metrics, end=10**15 + clock))
        history += [(point.name, point.step, point.time, point.value) for point in sent]
        logged = shown(history)
    holding = {name: value for name, value in logged.items() if not math.isnan(value)}
    for name, value in versions[-1].items():
        assert holding.pop(name) == pytest.approx(value)
    assert all(name.startswith(CURVE) for name in holding), "curves only grow"


@given(METRICS)
def test_equal_metrics_are_not_sent_again(metrics):
    assert list(_changed_metrics(metrics, run(metrics))) == []


def test_the_first_metric_of_a_step_has_the_time_of_its_record():
    tags = {CREATED: "2026-02-03T04:05:06+00:00"}
    [point] = _changed_metrics({}, run({"gap": 0.5}, end=1000, tags=tags))
    assert (point.time, point.step) == (1000, 0)
    [later] = _changed_metrics({"gap": 0.4}, run({"gap": 0.5}, end=1000, tags=tags))
    assert later.time > 1000
