"""The worker: a Ray Tune trial that runs step after step in one process.

This module loads without torch: a cluster starts many workers at once, and the first step of each
loads what it needs.
"""

import os
import signal
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray
from ray import tune
from typing_extensions import override

from mubench.catalogue import plugins
from mubench.catalogue.ids import source_id
from mubench.catalogue.phases import phase, seconds_by_phase
from mubench.errors import Interrupted, MubenchError, StoreError
from mubench.run.instructions import keep_to
from mubench.run.stop import request_stop
from mubench.run.tune.messages import Job, ReadyStep, Start
from mubench.store.record import Record

if TYPE_CHECKING:
    from mubench.run.workspace import Workspace

STOPPED = 128 + signal.SIGTERM
"""The exit code of a process that SIGTERM ended."""
_OTHER_CODE = (
    "a worker on {host} has other code than the sweep was planned with: install the same mubench "
    "and the same plug-ins on every machine, and do not edit them while a sweep runs"
)

_OTHER_STORE = (
    "{}: not shared with the worker on {}; give a --store that every machine sees: a folder of a "
    "network file system, or a bucket (s3://...)"
)


class Worker(tune.Trainable):
    """Runs the steps that it is given; data and models stay loaded between them."""

    @override
    @classmethod
    def default_resource_request(cls, config: dict[str, Any]) -> tune.PlacementGroupFactory:
        """Its share of a node: the worker's configuration."""
        return tune.PlacementGroupFactory([{"CPU": config["cpu"], "GPU": config["gpu"]}])

    @override
    def setup(self, config: dict[str, Any], job: Job | None = None) -> None:
        assert job is not None
        self._job = job
        self._workspace: Workspace | None = None
        self._start: Start | None = self._look_around()
        self._records: tuple[Record, ...] = ()
        self._refusal = ""
        """Of the store: no step can go on."""
        self._keeps_checkpoints = False
        self._listen()

    def take(self, due: tuple[ReadyStep, ...]) -> None:
        """Run some steps: a task of its own, so that Ray's dashboard shows it by its title."""
        try:
            for each in due:
                self._records += (self._record_of(each),)
        except Interrupted:  # a checkpoint is kept
            os._exit(STOPPED)
        except StoreError as error:
            self._refusal = f"{error} (on {socket.gethostname()})"

    def pause(self, seconds: float) -> None:
        """Wait for a step."""
        time.sleep(seconds)

    @override
    def step(self) -> dict[str, Any]:
        """Report what was done since the last report."""
        result = {"start": self._start, "records": self._records, "refusal": self._refusal}
        self._start, self._records = None, ()
        return result

    def run_step(self, ready: ReadyStep) -> Record:
        """The record of a step; what a step can do wrong is in it."""
        if ready.step.execution.is_portable:
            keep_to("AVX2")  # before torch is loaded
        with phase("import"):
            from mubench.run.trial import run_step
        imported = seconds_by_phase()
        record = run_step(ready.step, self.workspace, ready.candidate)
        return replace(record, phases={**record.phases, **imported})

    @property
    def workspace(self) -> "Workspace":
        """What this process keeps loaded between steps."""
        from mubench.run.workspace import Workspace
        from mubench.store.store import Store

        if self._workspace is None:
            self._workspace = Workspace(Store(self._job.store_uri), self._job.data_dir)
        return self._workspace

    @override
    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing to save: what a step made is in the store."""

    @override
    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing to load."""

    def _record_of(self, ready: ReadyStep) -> Record:
        if ready.refusal is not None:
            from mubench.run.step_result import not_run

            return not_run("refused", ready.step, ready.refusal)
        self._keeps_checkpoints = ready.step.kind in ("train", "retrain")
        try:
            return self.run_step(ready)
        finally:
            self._keeps_checkpoints = False

    def _listen(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, signum: int, frame: object) -> None:
        """A training keeps a checkpoint first; all else ends at once and runs again."""
        request_stop()
        if not self._keeps_checkpoints:
            os._exit(STOPPED)

    def _look_around(self) -> Start:
        context = ray.get_runtime_context()
        gpus = tuple(int(number) for number in ray.get_gpu_ids())
        problem = self._problem()
        return Start(context.get_node_id(), gpus, os.getpid(), problem)

    def _problem(self) -> str:
        """What this worker has other than the driver, so that it may not work."""
        host = socket.gethostname()
        try:
            plugins.add(self._job.added_plugins)
        except MubenchError as error:
            return str(error)
        sources = self._job.sources
        if sources and source_id(*sources) != self._job.code:
            return _OTHER_CODE.format(host=host)
        return self._problem_with_store(host)

    def _problem_with_store(self, host: str) -> str:
        from mubench.store.store import Store

        try:
            is_shared = not self._job.token or Store(self._job.store_uri).has_token(self._job.token)
        except StoreError as error:
            return f"{error} (on {host})"
        return "" if is_shared else _OTHER_STORE.format(self._job.store_uri, host)
