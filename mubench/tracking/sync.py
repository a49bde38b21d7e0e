"""Bring MLflow up to date with the records of a sweep."""

from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from mubench.errors import TrackingError
from mubench.store.gathered import gather
from mubench.store.results import ReportSource
from mubench.store.store import Store
from mubench.sweep.plan import Plan
from mubench.tracking.artifacts import upload, upload_outputs
from mubench.tracking.client import connect, default_uri
from mubench.tracking.descriptions import experiment_note
from mubench.tracking.mirror import Mirror, experiment_name
from mubench.tracking.runs import cell_names, entries
from mubench.tracking.views import views


@dataclass(frozen=True)
class Synced:
    """What a call did."""

    uri: str
    experiment: str
    run_id: str
    """Of the sweep's own run."""
    runs: int
    created: int
    completed: int
    notes: tuple[str, ...] = ()
    """What was left out, and why."""

    @override
    def __str__(self) -> str:
        did = f"{self.runs} runs ({self.created} new, {self.completed} completed)"
        return "; ".join([f"{did} in '{self.experiment}' at {self.uri}", *self.notes])


def sync(
    plan: Plan,
    store: Store,
    outline: ReportSource,
    uri: str | None,
    report: Path | None,
    *,
    searches: bool = False,
    running: bool = False,
) -> Synced:
    """Make MLflow show what the store has of a plan; nothing that is right already is touched.

    It may be called as often as one likes, during a sweep (`running`) and after it, and whatever
    stopped the call before: runs are found by their tags and compared with the records.

    Args:
        plan: whose steps are shown.
        store: where the records are.
        outline: what the sweep planned, for the report's source.
        uri: MLflow's address; SQLite in the store without it.
        report: the report's folder, if there is one.
        searches: whether each search step is a run too, not only a point of its study's curve.
        running: whether the sweep is still at work.

    Raises:
        TrackingError: MLflow does not answer or refuses, within some 20 seconds.
    """
    uri = uri or default_uri(store.uri)
    source = gather(plan, outline, store)
    records = {record.id: record for record in source.records}
    try:
        with connect(uri) as client:
            mirror = Mirror(client, uri, plan.name)
            found = views(plan, cell_names(plan))
            links = {view.title: view.link(mirror.experiment) for view in found}
            count = 0
            for entry in entries(plan, source, links, searches=searches, running=running):
                mirror.put(entry)
                count += 1
            mirror.mark_older()
            mirror.describe(experiment_note(plan, links), found)
            notes = upload(client, mirror, source, report)
            if not running and len(records) == len(plan.steps):
                notes += upload_outputs(client, mirror, store, plan, records)
    except TrackingError as error:
        advice = f"the records are safe in the store; run 'mubench mlflow sync {plan.name}' later"
        raise TrackingError(f"{error}; {advice}") from error
    return Synced(
        uri,
        experiment_name(plan.name),
        mirror.run_id,
        count,
        mirror.created,
        mirror.completed,
        tuple(notes),
    )
