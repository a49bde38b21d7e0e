"""Between Ray Tune and a schedule: Tune asks for a trial, the schedule gives the next step."""

import json
from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher
from typing_extensions import override

from mubench.run.tune.schedule import Schedule
from mubench.store.record import Record
from mubench.store.table import record_from_json
from mubench.sweep.steps import Step


class PlanSearcher(Searcher):
    """Hands out due steps, holds the others back, and reports records as they come in.

    `keep` stores a record; it is called before the schedule moves on, so that results come before
    progress. `lost` makes the record of a step whose worker died for good. At most `in_flight`
    steps are out at a time, so that the order of the schedule is the order of the work.
    """

    def __init__(
        self,
        schedule: Schedule,
        keep: Callable[[Record], None],
        lost: Callable[[Step], Record],
        started: Callable[[Step], None],
        *,
        in_flight: int,
        at_most: int,
    ) -> None:
        super().__init__(metric="done", mode="max")
        self._schedule = schedule
        self._keep = keep
        self._lost = lost
        self._started = started
        self._in_flight = in_flight
        self._left = at_most
        self._out: dict[str, Step] = {}
        self.error: BaseException | None = None

    @override
    def suggest(self, trial_id: str) -> Any:
        if self.error is not None or not self._left or self._schedule.is_finished:
            return Searcher.FINISHED
        if len(self._out) >= self._in_flight:
            return None
        ready = self._schedule.next()
        if ready is None:
            return None
        self._left -= 1
        self._out[trial_id] = ready.step
        self._started(ready.step)
        message = {
            "step": ready.step.id,
            "params": dict(ready.candidate.params),
            "candidate": ready.candidate.number,
            "refusal": ready.refusal,
        }
        return {"due": json.dumps(message), **_shares(ready.step)}

    @override
    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        step = self._out.pop(trial_id, None)
        if step is None:
            return
        if result and "record" in result:
            record = record_from_json(result["record"])
        elif error:
            record = self._lost(step)
        else:  # stopped by the user: the step is simply not done
            self._schedule.put_back(step)
            return
        try:
            self._keep(record)
        except Exception as failure:  # noqa: BLE001  a full disk must stop the sweep, not Tune's loop
            self.error = failure
            return
        self._schedule.finish(record)

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


def _shares(step: Step) -> dict[str, float]:
    """What Ray reserves for a step: a share of a GPU where it runs on one, CPUs elsewhere."""
    resources, device = step.execution.resources, step.execution.device
    return {"cpu": resources.cpu, "gpu": resources.gpu if device == "cuda" else 0}
