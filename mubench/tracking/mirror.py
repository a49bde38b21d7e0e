"""Bring MLflow's runs to what they should be: make what is missing, change only what differs."""

from collections.abc import Iterable
from typing import Any

from mubench.errors import TrackingError
from mubench.tracking.changes import CREATED, changed
from mubench.tracking.client import artifact_location
from mubench.tracking.run_data import NOTE, Entry
from mubench.tracking.runs import ROOT
from mubench.tracking.views import View, view_tags

KEY = "mubench.key"
_POINTS = "mubench.points"
"""How many points of its curve a run has."""
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Without it MLflow 3 opens its pages for language models."""
_PAGE = 1000
_PARAMS_AT_ONCE, _METRICS_AT_ONCE = 100, 800
_PLAN = "plan"
"""Tag: whether the sweep as it is now asks for the run, or only an earlier form of it did."""
_TERMINAL = ("FINISHED", "FAILED", "KILLED")


def experiment_name(sweep: str) -> str:
    """The experiment of a sweep."""
    return f"mubench/{sweep}"


class Mirror:
    """The runs of one sweep's experiment: read once, then compared with what they should be.

    A run carries its key from the moment it exists, so a crash at any point leaves a run that the
    next call completes.
    """

    def __init__(self, client: Any, uri: str, sweep: str) -> None:
        self._client = client
        self._held_experiment = _experiment(client, uri, sweep)
        self.experiment = str(self._held_experiment.experiment_id)
        self.held: dict[str, Any] = {
            run.data.tags[KEY]: run
            for run in reversed(list(_runs(client, self.experiment)))
            if KEY in run.data.tags
        }
        self._wanted: set[str] = set()
        self.created = 0
        self.completed = 0

    def put(self, entry: Entry) -> None:
        """Make a run, or complete the one that is there."""
        held = self.held.get(entry.key)
        if held is not None and _was_made_again(held, entry):
            self._client.delete_run(held.info.run_id)
            held = None
        self._wanted.add(entry.key)
        tags = {
            **entry.tags,
            KEY: entry.key,
            _PLAN: "current",
            "mlflow.source.name": "mubench",
            "mlflow.runName": entry.name,
        }
        if entry.parent:
            tags["mlflow.parentRunId"] = self.held[entry.parent].info.run_id
        is_new = held is None
        if held is None:
            held = self._client.create_run(self.experiment, entry.start, tags, entry.name)
            self.held[entry.key] = held
        has_changed = self._log(held, entry, tags)
        has_changed |= self._finish(held, entry)
        self.created += is_new
        self.completed += has_changed and not is_new

    def mark_older(self) -> None:
        """Tag what earlier forms of the sweep left here (other code, other seeds); keep it."""
        for key, run in self.held.items():
            is_older = key not in self._wanted and run.data.tags.get("kind") != "search"
            if is_older and run.data.tags.get(_PLAN) == "current":
                self._client.set_tag(run.info.run_id, _PLAN, "older")

    def describe(self, note: str, views: Iterable[View]) -> None:
        """Say what the experiment is, and give it its saved views."""
        held = self._held_experiment
        wanted = {NOTE: note, **_EXPERIMENT_TAGS, **view_tags(views, held.creation_time or 0)}
        for name, value in wanted.items():
            if held.tags.get(name) != value:
                self._client.set_experiment_tag(self.experiment, name, value)

    def tag(self, name: str) -> str:
        """A tag of the sweep's own run; empty where it has none."""
        return str(self.held[ROOT].data.tags.get(name, ""))

    def set_tag(self, name: str, value: str) -> None:
        """Set a tag of the sweep's own run."""
        self._client.set_tag(self.run_id, name, value)

    @property
    def run_id(self) -> str:
        """Id of the sweep's own run."""
        return str(self.held[ROOT].info.run_id)

    def _log(self, held: Any, entry: Entry, tags: dict[str, str]) -> bool:
        """Send in one call what the run lacks; a longer curve takes several."""
        from mlflow.entities import Metric, Param, RunTag

        old = held.data
        shown = int(old.tags.get(_POINTS, 0))
        points = (*changed(old.metrics, entry), *entry.curve[shown:])
        metrics = [Metric(p.name, p.value, p.time, p.step) for p in points]
        params = [Param(k, v) for k, v in entry.params.items() if k not in old.params]
        wanted = tags | ({_POINTS: str(len(entry.curve))} if entry.curve else {})
        told = [RunTag(k, v) for k, v in wanted.items() if old.tags.get(k, "") != v]
        run_id = held.info.run_id
        for at in range(_METRICS_AT_ONCE, len(metrics), _METRICS_AT_ONCE):
            self._client.log_batch(run_id, metrics[at : at + _METRICS_AT_ONCE])
        for at in range(_PARAMS_AT_ONCE, len(params), _PARAMS_AT_ONCE):
            self._client.log_batch(run_id, params=params[at : at + _PARAMS_AT_ONCE])
        if metrics or params or told:
            self._client.log_batch(
                run_id, metrics[:_METRICS_AT_ONCE], params[:_PARAMS_AT_ONCE], told
            )
        return bool(metrics or params or told)

    def _finish(self, held: Any, entry: Entry) -> bool:
        is_over = entry.status in _TERMINAL
        is_same_end = not (is_over and entry.end) or held.info.end_time == entry.end
        if held.info.status == entry.status and is_same_end:
            return False
        if is_over:
            self._client.set_terminated(held.info.run_id, entry.status, entry.end)
        else:
            self._client.update_run(held.info.run_id, entry.status)
        return True


def find_run(client: Any, uri: str, sweep: str) -> str:
    """Id of a sweep's own run.

    Raises:
        TrackingError: there is none.
    """
    run = find_own_run(client, sweep)
    if run is None:
        advice = f"'mubench mlflow sync {sweep}' sends it there"
        raise TrackingError(f"{uri}: no sweep '{sweep}'; {advice}")
    return str(run.info.run_id)


def find_own_run(client: Any, sweep: str) -> Any | None:
    """A sweep's own run, or None."""
    found = client.get_experiment_by_name(experiment_name(sweep))
    runs = _runs(client, found.experiment_id, f"tags.`{KEY}` = '{ROOT}'") if found else ()
    return next(iter(runs), None)


def experiment_sweeps(client: Any) -> list[str]:
    """Names of the sweeps that have an experiment."""
    start, token, names = experiment_name(""), None, []
    while True:
        page = client.search_experiments(
            filter_string=f"name LIKE '{start}%'", max_results=_PAGE, page_token=token
        )
        names += [found.name.removeprefix(start) for found in page]
        token = page.token
        if not token:
            return names


def _experiment(client: Any, uri: str, sweep: str) -> Any:
    name = experiment_name(sweep)
    found = client.get_experiment_by_name(name)
    if found is None:
        made = client.create_experiment(name, artifact_location(uri), _EXPERIMENT_TAGS)
        return client.get_experiment(made)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return found


def _runs(client: Any, experiment: str, where: str = "") -> Any:
    """Runs that were not deleted, the newest first, as MLflow orders them."""
    token = None
    while True:
        page = client.search_runs([experiment], where, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _was_made_again(held: Any, entry: Entry) -> bool:
    """Whether a record was replaced, after `retry` say: its params may be others, MLflow's not."""
    created = entry.tags.get(CREATED)
    return created is not None and held.data.tags.get(CREATED, created) != created
