"""Bring MLflow up to date with the records of a sweep."""

from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from mubench.errors import TrackingError, plural
from mubench.store.address import without_password
from mubench.store.results import SweepResults
from mubench.store.results_files import current_results
from mubench.store.store import Store
from mubench.sweep.plan import Plan
from mubench.tracking.artifacts import upload, upload_outputs
from mubench.tracking.attempts import Attempts
from mubench.tracking.client import connect, default_uri
from mubench.tracking.descriptions import experiment_note
from mubench.tracking.own_database import make_usable
from mubench.tracking.run_names import cell_names
from mubench.tracking.run_sync import RunSync, experiment_name
from mubench.tracking.runs import run_tree
from mubench.tracking.views import saved_views


@dataclass(frozen=True)
class Synced:
    """What a call of `sync` sent; as text one line for the user."""

    uri: str
    experiment: str
    run_id: str
    """Of the sweep's own run."""
    runs: int
    created: int
    completed: int
    notes: tuple[str, ...] = ()
    """What was left out or made anew, and why."""

    @override
    def __str__(self) -> str:
        changes = f" ({self.created} new, {self.completed} completed)"
        runs = plural(self.runs, "run") + (changes if self.created or self.completed else "")
        return "; ".join([f"{runs} in '{self.experiment}' at {self.uri}", *self.notes])


def sync(  # noqa: PLR0913  three of them are the sweep
    plan: Plan,
    store: Store,
    outline: SweepResults,
    uri: str | None,
    report: Path | None,
    *,
    searches: bool = False,
    running: bool = False,
    attempts: Attempts | None = None,
) -> Synced:
    """Make MLflow show the records that the store has of a plan; send differences only.

    It may be repeated, during a sweep (`running`) and after it, also after a call that was killed:
    runs are found by their tags and compared with the records.

    Args:
        plan: the plan of the sweep.
        store: the store with its records.
        outline: the sweep without records.
        uri: MLflow's address; None for SQLite in the store.
        report: the report's folder, or None.
        searches: whether each search step is a run too, not only a point of its study's curve.
        running: whether the sweep is still running.
        attempts: how long to try while MLflow is busy; None for a single attempt.

    Raises:
        TrackingError: MLflow does not answer or refuses.
    """
    uri, attempts = uri or default_uri(store.uri), attempts or Attempts()
    source = current_results(plan, outline, store)
    records = {record.id: record for record in source.records}

    def attempt() -> tuple[str, int, list[str]]:
        with connect(uri, attempts.left) as client:
            runs = RunSync(client, uri, plan.name, attempts)
            views = saved_views(plan, cell_names(plan))
            links = {view.title: view.link(runs.experiment_id) for view in views}
            tree = run_tree(plan, source, links, searches=searches, running=running)
            count = runs.upsert(tree)
            runs.mark_older()
            runs.describe(experiment_note(plan, links), views)
            notes = upload(client, runs, source, report)
            if not running and len(records) == len(plan.steps):
                notes += upload_outputs(client, runs, store, plan, records)
            return runs.run_id, count, notes

    try:
        is_own = uri == default_uri(store.uri)
        made_anew = make_usable(store, running=running) if is_own else []
        run_id, count, notes = attempts.succeed(attempt)
    except TrackingError as error:
        advice = (
            "the records are safe in the store; run 'mubench mlflow sync' later, with the same "
            "sweep and --store"
        )
        raise TrackingError(f"{error}; {advice}") from error
    return Synced(
        without_password(uri),
        experiment_name(plan.name),
        run_id,
        count,
        attempts.created,
        attempts.completed,
        (*made_anew, *notes),
    )
