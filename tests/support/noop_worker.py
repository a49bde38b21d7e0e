"""A worker that does nothing: what is left of a sweep is the cost of the framework."""

from typing_extensions import override

from mubench.run.step_result import StepResult, make_record
from mubench.run.tune.worker import StepActor
from mubench.store.record import Record
from mubench.sweep.steps import Candidate, Step


class NoopActor(StepActor):
    """Answers every step at once."""

    @override
    def run_step(self, step: Step, candidate: Candidate) -> Record:
        metrics = {"objective": 0.5, "gap": 0.5}
        result = StepResult(metrics=metrics, params=candidate.params, candidate=candidate.number)
        return make_record(step, result, 0.0)
