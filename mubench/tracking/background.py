"""MLflow kept up to date beside a sweep, in a process of its own: MLflow may be slow or down."""

import json
import os
import pickle
import select
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from mubench.data.scratch import scratch_folder
from mubench.errors import MubenchError, TrackingError
from mubench.store.results import SweepResults
from mubench.store.store import Store
from mubench.sweep.plan import Plan

FIRST_SECONDS = 60.0
"""Before the first pass: a short sweep does not compete with MLflow's start (seconds of CPU)."""
EVERY_SECONDS = 15.0
SHARE = 10
"""The pause between two passes is at least so many times the last pass's seconds of CPU."""
PATIENCE_SECONDS = 120.0
"""For the last pass."""
BUSY_SECONDS = 30.0
"""Without a written run, before the last pass gives up."""
_NOW = "now\n"


@dataclass(frozen=True)
class SyncJob:
    """The arguments of `sync`, and how often it runs."""

    plan: Plan
    store_uri: str
    outline: SweepResults
    uri: str | None
    searches: bool
    first_seconds: float = FIRST_SECONDS
    every_seconds: float = EVERY_SECONDS

    def sync(self, report: Path | None, *, running: bool) -> str:
        """Run one pass; return its summary in one line.

        While the sweep runs, a pass that fails is not repeated: another will follow.
        """
        from mubench.tracking.attempts import Attempts  # here: only the background needs them
        from mubench.tracking.sync import sync

        summary = sync(
            self.plan,
            Store(self.store_uri),
            self.outline,
            self.uri,
            report,
            searches=self.searches,
            running=running,
            attempts=Attempts(0.0 if running else BUSY_SECONDS),
        )
        return str(summary)


class Writer:
    """Keeps MLflow up to date while a sweep runs: a context manager around the sweep.

    The last pass runs in that process too: MLflow is imported there already, and the process can
    be killed where MLflow hangs. Without `finish` (Ctrl-C, an error) the process is killed; the
    next `sync` completes its work.
    """

    def __init__(self, plan: Plan, store: Store, outline: SweepResults, uri: str | None) -> None:
        self._job = SyncJob(plan, store.uri, outline, uri, searches=False)

    def __enter__(self) -> Self:
        self._folder = ExitStack()
        job = self._folder.enter_context(scratch_folder()) / "job"
        job.write_bytes(pickle.dumps(self._job))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mubench.tracking", str(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for the sweep
        )
        return self

    def catch_up(self) -> None:
        """Begin a pass at once: the sweep has ended, and its report is still to be written."""
        with suppress(OSError):  # an early end is told by `finish`
            self._send(_NOW)

    def finish(self, report: Path | None, patience: float = PATIENCE_SECONDS) -> str:
        """Bring MLflow up to date a last time, with the report; return a summary in one line.

        Raises:
            TrackingError: MLflow does not answer or refuses, or `patience` seconds were too few.
        """
        try:
            line = json.dumps(str(report.absolute()) if report else None) + "\n"
            answer = json.loads(self._process.communicate(line, timeout=patience)[0])
        except subprocess.TimeoutExpired:
            raise self._failed(f"not done after {patience:.0f} s") from None
        except (ValueError, OSError):
            raise self._failed("its writer ended early") from None
        if answer["error"]:
            raise TrackingError(answer["text"])
        return str(answer["text"])

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.close()

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def _failed(self, reason: str) -> TrackingError:
        return TrackingError(
            f"MLflow: {reason}; the records are safe in the store; "
            "run 'mubench mlflow sync' later, with the same sweep and --store"
        )


def follow(path: Path) -> None:
    """Sync until standard input has a line or ends: the main function of the background process.

    A line "now" asks for a pass. A line that is the JSON of the report's folder (or null) asks for
    the last one and for an answer, the line `{"error": bool, "text": str}`. The input ends without
    it where the sweep was killed.

    Args:
        path: a pickled `SyncJob`.
    """
    job: SyncJob = pickle.loads(path.read_bytes())  # noqa: S301  (written by `Writer` just now)
    os.nice(10)
    wait = job.first_seconds
    while not select.select([sys.stdin], [], [], wait)[0]:
        wait = max(job.every_seconds, SHARE * _pass(job))
    line = sys.stdin.readline()
    if line == _NOW:
        _pass(job)
        line = sys.stdin.readline()
    if line:
        sys.stdout.write(_last_pass(job, json.loads(line)) + "\n")


def _pass(job: SyncJob) -> float:
    """Run a pass and return its seconds of CPU, which it takes from the sweep.

    The last pass reports errors that last until then.
    """
    start = time.process_time()
    with suppress(MubenchError, OSError):  # the store may be merging the files it has listed
        job.sync(None, running=True)
    return time.process_time() - start


def _last_pass(job: SyncJob, report: str | None) -> str:
    try:
        text = job.sync(Path(report) if report else None, running=False)
    except (MubenchError, OSError) as error:
        return json.dumps({"error": True, "text": str(error)})
    return json.dumps({"error": False, "text": text})
