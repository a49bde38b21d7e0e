"""What each run of a sweep took beside its steps: the driver, and workers that waited."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from mubench.errors import IntegrityError
from mubench.store.sealed import from_json, to_json
from mubench.store.store import Store

RUNS = "runs.json"


Doing = Literal["starting", "working", "waiting"]


@dataclass(frozen=True)
class RunTimes:
    """One run of a sweep, from the first look at its records to the last stored record."""

    began: str
    """ISO 8601, UTC."""
    steps: int
    """That were done."""
    wall_seconds: float
    driver_seconds: float
    """CPU time of the process that hands out steps."""
    worker_seconds: Mapping[Doing, float]
    """Wall time of all workers by what they did."""


def log_run(store: Store, sweep: str, run: RunTimes) -> None:
    """Add a run. Raises StoreError where it cannot be written."""
    runs = [asdict(each) for each in (*logged_runs(store, sweep), run)]
    store.save_sweep_file(sweep, RUNS, to_json({"runs": runs}))


def logged_runs(store: Store, sweep: str) -> tuple[RunTimes, ...]:
    """The runs of a sweep so far; none where the log is missing or damaged."""
    try:
        content = store.sweep_file(sweep, RUNS)
        return tuple(RunTimes(**run) for run in from_json(content, RUNS)["runs"])
    except (FileNotFoundError, IntegrityError, KeyError, TypeError):
        return ()
