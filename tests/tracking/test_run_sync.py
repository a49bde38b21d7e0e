"""What is sent of the metrics of a run, against a small model of what MLflow shows; doubles."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mubench.errors import TrackingError
from mubench.tracking.run_data import CREATED, CURVE, RunData
from mubench.tracking.run_sync import _BATCH, _batches, _changed_metrics, experiment_sweeps
from mubench.tracking.run_sync import _POINTS as POINTS
from tests.support.tracked_world import World, shown

NAMES = st.sampled_from(["gap", "ua", "tuned/gap", f"{CURVE}objective"])
METRICS = st.dictionaries(NAMES, st.floats(-1, 1).map(lambda value: round(value, 3)))


def run(metrics, end=1000, tags=None):
    return RunData(
        key="k", parent="", name="k", status="", start=0, end=end, tags=tags or {}, metrics=metrics
    )


def shown_of(history):
    """Of one name MLflow shows the value with the largest step, then the latest."""
    return {point[0]: point[3] for point in sorted(history, key=lambda point: point[:3])}


@given(st.lists(METRICS, min_size=1, max_size=5))
def test_whatever_was_sent_before_the_last_metrics_are_shown(versions):
    history, logged = [], {}
    for clock, metrics in enumerate(versions):
        sent = _changed_metrics(logged, run(metrics, end=10**15 + clock))
        history += [(point.name, point.step, point.time, point.value) for point in sent]
        logged = shown_of(history)
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


def child(key, parent=""):
    return RunData(key=key, parent=parent, name=key, status="", start=0, end=1, tags={})


def test_a_parent_is_written_before_its_children_and_the_order_stays():
    rows = [child(f"row {k}", "sweep") for k in range(_BATCH)]
    steps = [child(f"step {k}", f"row {k}") for k in range(_BATCH)]
    runs = [child("sweep"), *rows, *steps]
    batches = list(_batches(runs))
    assert [run for batch in batches for run in batch] == runs
    written = {""}
    for batch in batches:
        assert {run.parent for run in batch} <= written
        assert len(batch) <= _BATCH
        written |= {run.key for run in batch}
    assert len(batches) == 3


@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
def test_of_two_runs_with_one_key_one_stays(world: World):
    """As after a request that a server carried out when its client had given up."""
    from mlflow import MlflowClient

    world.record()
    world.sync()
    before = shown(world)
    client = MlflowClient(tracking_uri=world.uri)
    for run in world.runs().values():
        tags = {k: v for k, v in run.data.tags.items() if k not in ("mubench.files", POINTS)}
        client.create_run(run.info.experiment_id, run.info.start_time, tags)
    world.sync()
    assert shown(world) == before
    state = world.state()
    assert world.sync().completed == 0
    assert world.state() == state


class Endless:
    """A server whose lists have no end."""

    def __init__(self, tokens):
        self._tokens = tokens

    def search_experiments(self, **_):
        page = Page()
        page.token = next(self._tokens)
        return page


class Page(list):
    token = ""


@pytest.mark.parametrize("tokens", [itertools.repeat("again"), map(str, itertools.count())])
def test_a_list_without_end_is_refused(tokens):
    with pytest.raises(TrackingError, match="does not end"):
        experiment_sweeps(Endless(tokens))
