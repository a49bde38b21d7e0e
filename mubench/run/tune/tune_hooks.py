"""Where Ray Tune asks: each of its trials is a worker, and each result of a trial a report of it.

Tune starts a process for a trial, which takes seconds, and keeps some 50 KB of it for ever; a
worker does thousands of steps. Each step is a task of Ray with the step's title.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune import Stopper
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from typing_extensions import override

from mubench.run.tune.dispatch import Dispatcher
from mubench.run.tune.messages import Leave, Pause

if TYPE_CHECKING:
    from ray.tune.execution.tune_controller import TuneController

# Trials that failed are told in one line by `run_plan`.
for _name in ("ray.tune.execution.tune_controller", "ray.tune.tune", "ray.air.execution"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class WorkerSearcher(Searcher):
    """Tune asks it for trials: it lets a worker start where there is something to do."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__(metric="done", mode="max")
        self._dispatcher = dispatcher

    @override
    def suggest(self, trial_id: str) -> Any:
        if self._dispatcher.is_over:
            return Searcher.FINISHED
        share = self._dispatcher.open(trial_id)
        return None if share is None else share._asdict()

    @override
    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        self._dispatcher.has_gone(trial_id, failed=error)

    @override
    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its searcher beside its own state, which is never read again."""
        return {}

    @override
    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the store is the state."""

    @override
    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the same command plans again and finds completed steps."""


class StepScheduler(FIFOScheduler):
    """Tune tells it each result: it takes the records, and gives the worker its next steps."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._dispatcher = dispatcher

    @override
    def on_trial_result(
        self, tune_controller: "TuneController", trial: Trial, result: dict[str, Any]
    ) -> str:
        name: str = trial.trial_id
        if result["start"] is not None:
            self._dispatcher.has_started(name, result["start"])
        self._dispatcher.has_finished(name, result["records"], result["refusal"])
        answer = self._dispatcher.next_for(name)
        actor: Any = trial.temporary_state.ray_actor
        # Ray runs the calls of one caller in order: Tune's next `train` reports what is done.
        match answer:
            case Leave():
                return FIFOScheduler.STOP
            case Pause(seconds):
                actor.pause.options(name="wait").remote(seconds)
            case ready:
                more = f" and {len(ready) - 1} more" if len(ready) > 1 else ""
                actor.take.options(name=ready[0].step.title + more).remote(ready)
        return FIFOScheduler.CONTINUE

    @override
    def on_trial_error(self, tune_controller: "TuneController", trial: Trial) -> None:
        file = Path(trial.error_file or "")
        lines = file.read_text().strip().splitlines() if file.is_file() else []
        self._dispatcher.has_gone(trial.trial_id, failed=True, reason=lines[-1] if lines else "")

    @override
    def choose_trial_to_run(self, tune_controller: "TuneController") -> None:
        """None in particular: a trial is asked for only where there is room."""

    @override
    def __getstate__(self) -> dict[str, Any]:
        return {}


class StopWhenOver(Stopper):
    """Tune asks it whether to end."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    @override
    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    @override
    def stop_all(self) -> bool:
        return self._dispatcher.is_over

    @override
    def __getstate__(self) -> dict[str, Any]:
        return {}
