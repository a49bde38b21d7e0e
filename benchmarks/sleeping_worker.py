"""A worker whose steps sleep. Light: dozens of processes that import torch keep two cores busy."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from typing_extensions import override

from mubench.run.tune.messages import ReadyStep
from mubench.run.tune.worker import Worker
from mubench.store.record import Record
from mubench.sweep.steps import Step


def sleeper(seconds: Callable[[Step], float]) -> type[Worker]:
    """A worker whose steps take so long; a record's metric `began` is when, by the clock."""

    class Sleeper(Worker):
        @override
        def run_step(self, ready: ReadyStep) -> Record:
            step, candidate, began = ready.step, ready.candidate, time.time()
            time.sleep(seconds(step))
            return Record(
                id=step.id,
                unlearn_id=step.unlearn_id,
                kind=step.kind,
                status="ok",
                dataset=step.training.dataset.label,
                model=step.training.model.label,
                scenario="",
                cell=step.training.label,
                request=step.training.name,
                seed_train=step.training.seed,
                params=dict(candidate.params),
                candidate=-1 if candidate.number is None else candidate.number,
                metrics={"objective": 0.5, "gap": 0.5, "began": began},
                created=datetime.now(UTC).isoformat(timespec="milliseconds"),
                seconds=time.time() - began,
            )

    return Sleeper
