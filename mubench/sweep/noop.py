"""A worker that does nothing: what is left of a sweep is the cost of the framework."""

from typing_extensions import override

from mubench.outcome import Outcome, make_record
from mubench.plan import Step
from mubench.store.record import Record
from mubench.sweep.actor import StepActor
from mubench.trial import Choice


class NoopActor(StepActor):
    """Answers every step at once. For `benchmarks/overhead.py` and for tests of scheduling."""

    @override
    def run_step(self, step: Step, choice: Choice) -> Record:
        metrics = {"objective": 0.5, "gap": 0.5}
        outcome = Outcome(metrics=metrics, params=choice.params, candidate=choice.candidate)
        return make_record(step, outcome, 0.0)
