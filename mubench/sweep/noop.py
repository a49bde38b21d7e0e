"""A worker that does nothing: what is left of a sweep is the cost of the framework."""

import json
from typing import Any

from typing_extensions import override

from mubench.outcome import Outcome, make_record
from mubench.store.table import record_to_json
from mubench.sweep.actor import StepActor


class NoopActor(StepActor):
    """Answers every step at once. For `benchmarks/overhead.py` and for tests of scheduling."""

    @override
    def step(self) -> dict[str, Any]:
        due = json.loads(self.config["due"])
        step = self._steps[due["step"]]
        metrics = {"objective": 0.5, "gap": 0.5}
        outcome = Outcome(metrics=metrics, params=due["params"], candidate=due["candidate"])
        return {"record": record_to_json(make_record(step, outcome, 0.0)), "done": True}
