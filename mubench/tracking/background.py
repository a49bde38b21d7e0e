"""MLflow's writer beside a sweep: a process of its own, so that MLflow can be slow or down."""

import json
import pickle
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from mubench.errors import TrackingError
from mubench.store.results import ReportSource
from mubench.store.store import Store
from mubench.sweep.plan import Plan
from mubench.tracking.follower import Job

PATIENCE_SECONDS = 120.0


class Writer:
    """Keeps MLflow up to date while a sweep runs: a context manager around the sweep.

    The last pass runs in that process too: its MLflow is imported already, and where MLflow hangs
    it can be ended. Left without `finish` (Ctrl-C, an error) the process just stops: the next call
    completes what it was at.
    """

    def __init__(self, plan: Plan, store: Store, outline: ReportSource, uri: str | None) -> None:
        self._job = Job(plan, store.uri, outline, uri, searches=False)
        self._name = plan.name

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(prefix="mubench-")
        job = Path(self._folder.name) / "job"
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

    def finish(self, report: Path | None, patience: float = PATIENCE_SECONDS) -> str:
        """Bring MLflow up to date a last time, with the report; say in one line what is there.

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
        self._folder.cleanup()

    def _failed(self, reason: str) -> TrackingError:
        return TrackingError(
            f"MLflow: {reason}; the records are safe in the store; "
            f"run 'mubench mlflow sync {self._name}' later"
        )
