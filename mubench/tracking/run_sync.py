"""MLflow's runs of one sweep: create those that are missing, change only what differs."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from mubench.errors import TrackingError
from mubench.store.address import without_password
from mubench.tracking.attempts import Attempts
from mubench.tracking.client import artifact_location, writers
from mubench.tracking.run_data import CREATED, CURVE, NOTE, MetricPoint, RunData
from mubench.tracking.runs import ROOT
from mubench.tracking.views import SavedView, view_tags

KEY = "mubench.key"
"""Tag: identifies a run of mubench."""
_POINTS = "mubench.points"
"""Tag: how many points of its curve a run has."""
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Without it MLflow 3 opens its pages for language models."""
_PAGE, _PAGES = 1000, 1000
"""Most entries of a page, and pages of a list: a server may have no end of them."""
_BATCH = 200
"""Runs that the writers take at once; the children of these runs follow in a later batch."""
_PARAMS_AT_ONCE, _METRICS_AT_ONCE = 100, 800
_PLAN = "plan"
"""Tag: `current` for the runs of the sweep as it is now, `older` for those of earlier forms."""
_TERMINAL = ("FINISHED", "FAILED", "KILLED")

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def experiment_name(sweep: str) -> str:
    """Return the name of a sweep's experiment."""
    return f"mubench/{sweep}"


class RunSync:
    """The runs of one sweep's experiment: read once, then brought to what they should be.

    A run carries its key from the moment it exists, so a crash at any point leaves a run that the
    next call completes. Where a server created a run after its client gave up, there are two of
    one key: the next call deletes one.

    A server has several writers: it spends most of a request waiting for its database.
    """

    def __init__(self, client: Any, uri: str, sweep: str, attempts: Attempts | None = None) -> None:
        self._client = client
        self._writers = writers(uri)
        self._attempts = attempts or Attempts()
        self._experiment = _experiment(client, uri, sweep)
        self.experiment_id = str(self._experiment.experiment_id)
        self._runs: dict[str, Any] = {}
        self._current: set[str] = set()
        self._read()

    def upsert(self, runs: Iterable[RunData]) -> int:
        """Create runs, or complete existing ones; return how many there are.

        Args:
            runs: every run after its parent.
        """
        count = 0
        for batch in _batches(runs):
            written = self._each(self._upsert, batch)
            self._runs |= {data.key: run for data, run in zip(batch, written, strict=True)}
            self._current |= {data.key for data in batch}
            count += len(batch)
        return count

    def _read(self) -> None:
        """Read what the server has, and delete one of two runs with one key."""
        doubles = []
        for run in _runs(self._client, self.experiment_id):
            key = run.data.tags.get(KEY)
            if key in self._runs:
                doubles.append(run.info.run_id)
            elif key is not None:
                self._runs[key] = run
        list(self._each(self._client.delete_run, doubles))

    def _each(
        self, function: Callable[[_Item], _Result], items: Iterable[_Item]
    ) -> Iterator[_Result]:
        """Call a function that asks the server on each item, with several writers."""
        with ThreadPoolExecutor(self._writers) as pool:
            yield from pool.map(function, items)

    def _upsert(self, data: RunData) -> Any:
        """Create a run or complete the existing one; return it."""
        run = self._runs.get(data.key)
        if run is not None and _is_outdated(run, data):
            self._client.delete_run(run.info.run_id)
            run = None
        tags = {
            **data.tags,
            KEY: data.key,
            _PLAN: "current",
            "mlflow.source.name": "mubench",
            "mlflow.runName": data.name,
        }
        if data.parent:
            tags["mlflow.parentRunId"] = self._runs[data.parent].info.run_id
        is_new = run is None
        if run is None:
            run = self._client.create_run(self.experiment_id, data.start, tags, data.name)
        has_changed = self._log(run, data, tags)
        has_changed |= self._finish(run, data)
        if is_new or has_changed:
            self._attempts.wrote(is_new=is_new)
        return run

    def mark_older(self) -> None:
        """Tag the runs of earlier forms of the sweep (other code, other seeds); they are kept."""
        older = [
            run.info.run_id
            for key, run in self._runs.items()
            if key not in self._current and run.data.tags.get("kind") != "search"
            if run.data.tags.get(_PLAN) == "current"
        ]
        list(self._each(lambda run_id: self._client.set_tag(run_id, _PLAN, "older"), older))

    def describe(self, note: str, views: Iterable[SavedView]) -> None:
        """Set the experiment's description and its saved views."""
        created = self._experiment.creation_time or 0
        tags = {NOTE: note, **_EXPERIMENT_TAGS, **view_tags(views, created)}
        for name, value in tags.items():
            if self._experiment.tags.get(name) != value:
                self._client.set_experiment_tag(self.experiment_id, name, value)

    def tag(self, name: str) -> str:
        """Return a tag of the sweep's own run; empty where it has none."""
        return str(self._runs[ROOT].data.tags.get(name, ""))

    def set_tag(self, name: str, value: str) -> None:
        """Set a tag of the sweep's own run."""
        self._client.set_tag(self.run_id, name, value)

    @property
    def run_id(self) -> str:
        """Id of the sweep's own run."""
        return str(self._runs[ROOT].info.run_id)

    def _log(self, run: Any, data: RunData, tags: dict[str, str]) -> bool:
        """Send what the run lacks, in one call; a long curve takes several."""
        from mlflow.entities import Metric, Param, RunTag

        logged, run_id = run.data, run.info.run_id
        n_points = int(logged.tags.get(_POINTS, 0))
        points = (*_changed_metrics(logged.metrics, data), *data.curve[n_points:])
        metrics = [Metric(p.name, p.value, p.time, p.step) for p in points]
        params = [Param(k, v) for k, v in data.params.items() if k not in logged.params]
        wanted = tags | ({_POINTS: str(len(data.curve))} if data.curve else {})
        changed = [RunTag(k, v) for k, v in wanted.items() if logged.tags.get(k, "") != v]
        for at in range(_METRICS_AT_ONCE, len(metrics), _METRICS_AT_ONCE):
            self._client.log_batch(run_id, metrics[at : at + _METRICS_AT_ONCE])
        for at in range(_PARAMS_AT_ONCE, len(params), _PARAMS_AT_ONCE):
            self._client.log_batch(run_id, params=params[at : at + _PARAMS_AT_ONCE])
        if metrics or params or changed:
            self._client.log_batch(
                run_id, metrics[:_METRICS_AT_ONCE], params[:_PARAMS_AT_ONCE], changed
            )
        return bool(metrics or params or changed)

    def _finish(self, run: Any, data: RunData) -> bool:
        """Set status and end of the run where they differ."""
        is_over = data.status in _TERMINAL
        is_same_end = not (is_over and data.end) or run.info.end_time == data.end
        if run.info.status == data.status and is_same_end:
            return False
        if is_over:
            self._client.set_terminated(run.info.run_id, data.status, data.end)
        else:
            self._client.update_run(run.info.run_id, data.status)
        return True


def find_run(client: Any, uri: str, sweep: str) -> str:
    """Return the id of a sweep's own run.

    Raises:
        TrackingError: the server has no such run.
    """
    run = find_own_run(client, sweep)
    if run is None:
        advice = f"'mubench mlflow sync {sweep}' sends it there"
        raise TrackingError(f"{without_password(uri)}: no sweep '{sweep}'; {advice}")
    return str(run.info.run_id)


def find_own_run(client: Any, sweep: str) -> Any | None:
    """Return a sweep's own run, or None."""
    experiment = client.get_experiment_by_name(experiment_name(sweep))
    if experiment is None:
        return None
    return next(_runs(client, experiment.experiment_id, f"tags.`{KEY}` = '{ROOT}'"), None)


def experiment_sweeps(client: Any) -> list[str]:
    """Return the names of the sweeps that have an experiment."""
    prefix = experiment_name("")
    where = f"name LIKE '{prefix}%'"
    found = _all_pages(
        lambda token: client.search_experiments(
            filter_string=where, max_results=_PAGE, page_token=token
        )
    )
    return [experiment.name.removeprefix(prefix) for experiment in found]


def _batches(runs: Iterable[RunData]) -> Iterator[list[RunData]]:
    """Yield the runs in their order; the parent of each is in an earlier batch."""
    batch: dict[str, RunData] = {}
    for run in runs:
        if run.parent in batch or len(batch) == _BATCH:
            yield list(batch.values())
            batch = {}
        batch[run.key] = run
    if batch:
        yield list(batch.values())


def _experiment(client: Any, uri: str, sweep: str) -> Any:
    name = experiment_name(sweep)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        new_id = client.create_experiment(name, artifact_location(uri), _EXPERIMENT_TAGS)
        return client.get_experiment(new_id)
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return experiment


def _runs(client: Any, experiment: str, where: str = "") -> Iterator[Any]:
    """Runs of an experiment without deleted ones, the newest first, as MLflow orders them."""
    yield from _all_pages(
        lambda token: client.search_runs([experiment], where, max_results=_PAGE, page_token=token)
    )


def _all_pages(search: Callable[[str | None], Any]) -> Iterator[Any]:
    """What a search finds, page after page.

    Raises:
        TrackingError: the server says a page again, or never ends.
    """
    token, seen = None, set[str]()
    while token is None or token not in seen:
        seen.add(token or "")
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return
        if len(seen) == _PAGES:
            break
    raise TrackingError(f"MLflow's list of runs does not end: page {len(seen) + 1} of it")


def _is_outdated(run: Any, data: RunData) -> bool:
    """Whether the record was replaced, after `retry` say: MLflow cannot change a param."""
    created = data.tags.get(CREATED)
    return created is not None and run.data.tags.get(CREATED, created) != created


def _changed_metrics(logged: Mapping[str, float], data: RunData) -> Iterator[MetricPoint]:
    """Yield the metrics that differ from the logged ones; NaN for those that no longer hold.

    MLflow deletes no metric. Of one name it shows the latest, of one time the largest: a metric
    that changes needs the time of now. Curves only grow.
    """
    now = max(data.end, round(1000 * time.time()))
    first = data.end if data.tags.get(CREATED) else now
    for name, value in data.metrics.items():
        if not math.isclose(logged.get(name, math.nan), value, rel_tol=1e-12):
            yield MetricPoint(name, value, 0, now if name in logged else first)
    for name in sorted(logged.keys() - data.metrics.keys()):
        if not name.startswith(CURVE) and not math.isnan(logged[name]):
            yield MetricPoint(name, math.nan, 0, now)
