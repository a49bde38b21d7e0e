"""MLflow beside `mubench run`: updated during the sweep and at its end; it never stops a sweep."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mubench.catalogue.ids import content_id
from mubench.errors import IntegrityError, TrackingError
from mubench.store.results import SweepResults
from mubench.store.results_files import current_results, pack
from mubench.store.sealed import from_json, to_json
from mubench.store.store import Store
from mubench.sweep.plan import Plan
from mubench.tracking.background import Writer
from mubench.tracking.client import default_uri, how_to_open, is_there
from mubench.tracking.own_database import SENT


class Tracker:
    """Completes MLflow after a sweep. Without a writer the same records were sent before."""

    def __init__(
        self, plan: Plan, store: Store, outline: SweepResults, writer: Writer | None, uri: str
    ) -> None:
        self._plan = plan
        self._store = store
        self._outline = outline
        self._writer = writer
        self._uri = uri

    @property
    def place(self) -> str:
        """Where to look at MLflow, in one line."""
        return f"MLflow: {how_to_open(self._uri)}"

    def catch_up(self) -> None:
        """Send what there is while the report is written."""
        if self._writer is not None:
            self._writer.catch_up()

    def finish(self, report: Path) -> str:
        """Send the rest and the report; return a line for the user.

        A failure is a warning, since the records are safe in the store.
        """
        if self._writer is None:
            return "MLflow: up to date ('mubench mlflow sync' checks it)"
        try:
            summary = self._writer.finish(report)
        except TrackingError as error:
            return f"warning: {error}"
        sent = {"sent": _digest(self._plan, self._store, self._outline, self._uri)}
        self._store.files.write(_marker(self._plan), to_json(sent))
        return f"MLflow: {summary}"


@contextmanager
def tracked(
    plan: Plan, store: Store, outline: SweepResults, uri: str | None, *, enabled: bool
) -> Iterator[Tracker | None]:
    """Keep MLflow up to date during a run; yield None where it is not enabled.

    Where the last run already sent the same records, MLflow is not started.
    """
    if not enabled:
        yield None
        return
    uri = uri or default_uri(store.uri)
    if is_there(uri) and _was_sent(plan, store, outline, uri):
        yield Tracker(plan, store, outline, None, uri)
    else:
        with Writer(plan, store, outline, uri) as writer:
            yield Tracker(plan, store, outline, writer, uri)


def _was_sent(plan: Plan, store: Store, outline: SweepResults, uri: str) -> bool:
    try:
        marker = _marker(plan)
        sent = from_json(store.files.read(marker), marker).get("sent")
    except (FileNotFoundError, IntegrityError):
        return False
    return sent == _digest(plan, store, outline, uri)


def _digest(plan: Plan, store: Store, outline: SweepResults, uri: str) -> str:
    """An id of what MLflow should have: the plan's steps, and the data of the report."""
    files = pack(current_results(plan, outline, store)).items()
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files}
    return content_id(uri, sorted(plan.steps), digests)


def _marker(plan: Plan) -> str:
    return f"sweeps/{plan.name}/{SENT}"
