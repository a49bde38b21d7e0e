"""The process beside a running sweep: brings MLflow up to date now and then, and at the end."""

import json
import os
import pickle
import select
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mubench.errors import MubenchError
from mubench.store.results import ReportSource
from mubench.sweep.plan import Plan

FIRST_SECONDS = 60.0
"""A short sweep is over by then, and MLflow's start (seconds of CPU) never competes with it."""
EVERY_SECONDS = 15.0
SHARE = 10
"""Rest at least so many times as long as the last pass took."""


@dataclass(frozen=True)
class Job:
    """What to bring up to date, and where."""

    plan: Plan
    store_uri: str
    outline: ReportSource
    uri: str | None
    searches: bool
    first_seconds: float = FIRST_SECONDS
    every_seconds: float = EVERY_SECONDS

    def sync(self, report: Path | None, *, running: bool) -> str:
        """One pass, in one line."""
        from mubench.store.store import Store
        from mubench.tracking.sync import sync

        store = Store(self.store_uri)
        return str(
            sync(
                self.plan,
                store,
                self.outline,
                self.uri,
                report,
                searches=self.searches,
                running=running,
            )
        )


def follow(path: Path) -> None:
    """Sync until standard input has a line or ends.

    A line is the JSON of the report's folder (or null): sync a last time and answer with a line
    `{"error": bool, "text": str}`. The end of the input means that the sweep is gone.
    """
    job: Job = pickle.loads(path.read_bytes())  # noqa: S301  (written by `writer` just now)
    os.nice(10)
    wait = job.first_seconds
    while not select.select([sys.stdin], [], [], wait)[0]:
        wait = max(job.every_seconds, SHARE * _pass(job))
    line = sys.stdin.readline()
    if line:
        sys.stdout.write(_last_pass(job, json.loads(line)) + "\n")


def _pass(job: Job) -> float:
    """Seconds that a pass took. Its errors are no news: the last pass tells what is still wrong."""
    start = time.monotonic()
    with suppress(MubenchError, OSError):  # the store may just be merging the files it listed
        job.sync(None, running=True)
    return time.monotonic() - start


def _last_pass(job: Job, report: str | None) -> str:
    try:
        text = job.sync(Path(report) if report else None, running=False)
    except (MubenchError, OSError) as error:
        return json.dumps({"error": True, "text": str(error)})
    return json.dumps({"error": False, "text": text})
