"""A worker that does nothing: what is left of a sweep is the cost of the framework."""

from typing_extensions import override

from mubench.run.step_result import Outcome, make_record
from mubench.run.trial import Choice
from mubench.run.tune.worker import StepActor
from mubench.store.record import Record
from mubench.sweep.plan import Step


class NoopActor(StepActor):
    """Answers every step at once."""

    @override
    def run_step(self, step: Step, choice: Choice) -> Record:
        metrics = {"objective": 0.5, "gap": 0.5}
        outcome = Outcome(metrics=metrics, params=choice.params, candidate=choice.candidate)
        return make_record(step, outcome, 0.0)
