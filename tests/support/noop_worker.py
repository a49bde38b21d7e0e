"""A worker that does nothing: what is left of a sweep is the cost of the framework."""

from typing_extensions import override

from mubench.run.step_result import StepResult, make_record
from mubench.run.tune.messages import ReadyStep
from mubench.run.tune.worker import Worker
from mubench.store.record import Record


class NoopWorker(Worker):
    """Answers every step at once."""

    @override
    def run_step(self, ready: ReadyStep) -> Record:
        metrics = {"objective": 0.5, "gap": 0.5}
        candidate = ready.candidate
        result = StepResult(metrics=metrics, params=candidate.params, candidate=candidate.number)
        return make_record(ready.step, result, 0.0)
