"""What MLflow costs: milliseconds a run, into SQLite and into a server on PostgreSQL.

A sweep whose records are made up is sent to an empty MLflow: to SQLite, and to `mlflow server` by
one writer (as it was) and by several (as it is), each twice: the second call finds nothing to do.
The server needs PostgreSQL's programs and psycopg2.

    python benchmarks/tracking.py [--requests 40]
"""

import argparse
import os
import runpy
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from helpers.smoke import sized

from mubench.run.open_sweep import OpenSweep
from mubench.run.step_result import StepResult, make_record
from mubench.store.store import Store
from mubench.sweep import load
from mubench.sweep.planner import make_plan
from mubench.tracking import run_sync
from mubench.tracking.client import connect, writers
from mubench.tracking.sync import Synced, sync

SERVERS = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "support" / "postgres.py"))


def recorded(store: Store, requests: int) -> OpenSweep:
    """A sweep of many final requests with a record of every step."""
    seeds = list(range(requests))
    changes = [
        "grid.forget=[{scenario: random, ratio: 0.1}]",
        "methods={ft: {}, ga: {}}",
        "search.trials=3",
        f"seeds.final={{train: {seeds}, forget: {seeds}, pair: zip}}",
        "claims=[]",
    ]
    loaded = load.load("quickstart", changes)
    opened = OpenSweep(loaded, make_plan(loaded.spec), store)
    for step in opened.plan.steps.values():
        metrics = dict.fromkeys(("objective", "gap", "ua", "ra", "ta", "mia_svc"), 0.25)
        result = StepResult(metrics=metrics, params={"lr": 0.1, "epochs": 2}, candidate=0)
        store.records.append(make_record(step, result, 1.0))
    store.records.compact()
    return opened


def timed(opened: OpenSweep, uri: str, title: str) -> float:
    """Send a sweep twice; return the first call's milliseconds a run."""

    def send() -> tuple[Synced, float]:
        began = time.perf_counter()
        done = sync(opened.plan, opened.store, opened.outline, uri, None)
        return done, time.perf_counter() - began

    (first, seconds), (again, more) = send(), send()
    assert (first.created, again.created, again.completed) == (first.runs, 0, 0)
    each = 1000 * seconds / first.runs
    print(
        f"{title}: {first.runs} runs in {seconds:.1f} s, {each:.0f} ms a run, "
        f"{first.runs / seconds:.1f} runs a second; again with nothing to do {more:.2f} s"
    )
    return each


def clear(uri: str) -> None:
    """Put away what was sent."""
    with connect(uri) as client:
        sent = client.get_experiment_by_name("mubench/quickstart")
        client.rename_experiment(sent.experiment_id, f"earlier {sent.experiment_id}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=sized(40, 2))
    requests = parser.parse_args().requests
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} logical CPUs")
    with tempfile.TemporaryDirectory() as folder:
        opened = recorded(Store(f"{folder}/store"), requests)
        warm = recorded(Store(f"{folder}/warm"), 2)
        database = f"sqlite:///{folder}/mlflow.db"
        timed(warm, database, "SQLite, laying out the database")
        clear(database)
        timed(opened, database, "SQLite")
        if (lack := SERVERS["missing"]()) is not None:
            print(f"no PostgreSQL here: {lack}")
            return
        with SERVERS["postgres"]() as address:
            server = SERVERS["MlflowServer"](address, Path(folder) / "artifacts", workers=2)
            server.start()
            try:
                _server(opened, warm, server.uri)
            finally:
                server.kill()


def _server(opened: OpenSweep, warm: OpenSweep, uri: str) -> None:
    timed(warm, uri, "PostgreSQL, warming up")
    clear(uri)
    with patch.object(run_sync, "writers", lambda _: 1):
        before = timed(opened, uri, "PostgreSQL, 1 writer")
    clear(uri)
    after = timed(opened, uri, f"PostgreSQL, {writers(uri)} writers")
    print(f"{before / after:.1f} times as many runs a second as with one writer")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
