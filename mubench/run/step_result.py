"""What a step found out, and the record that is made of it."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from mubench.catalogue.search_space import Scalar
from mubench.errors import TimedOut
from mubench.run.environment import commit, device_name, is_exclusive, versions
from mubench.store.record import Record, Status
from mubench.sweep.plan import Step


@dataclass(frozen=True)
class Outcome:
    """What a step found out; `about` is stored with outputs so that they can be scored again."""

    status: Status = "ok"
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    params: Mapping[str, Scalar] = field(default_factory=dict)
    candidate: int = -1
    forget_hash: str = ""
    n_forget: int = 0
    n_retain: int = 0
    traceback: str = ""


def failed(status: Literal["timed_out", "out_of_memory", "error"], error: BaseException) -> Outcome:
    """What an exception that was just caught amounts to."""
    text = " ".join(str(error).split()) or type(error).__name__
    named = text if isinstance(error, TimedOut) else f"{type(error).__name__}: {text}"
    return Outcome(status=status, message=named, traceback=traceback.format_exc())


def refused(step: Step, reason: str) -> Record:
    """The record of a step that cannot be done; nothing runs."""
    return make_record(step, Outcome("refused", reason, candidate=step.candidate), 0.0)


def make_record(step: Step, outcome: Outcome, seconds: float) -> Record:
    """Everything that is known about a finished step."""
    request = step.request
    cell = request.cell if request else f"{step.dataset.label}/{step.model.label}"
    return Record(
        id=step.id,
        unlearn_id=step.unlearn_id,
        kind=step.kind,
        status=outcome.status,
        message=outcome.message,
        dataset=step.dataset.label,
        model=step.model.label,
        scenario=request.forget.label if request else "",
        cell=cell,
        request=step.request_name,
        purpose=step.purpose,
        seed_train=step.seed_train,
        seed_forget=request.seed_forget if request else -1,
        forget_classes=request.classes if request else (),
        forget_hash=outcome.forget_hash,
        n_forget=outcome.n_forget,
        n_retain=outcome.n_retain,
        replica=step.replica,
        method=step.method,
        row=step.row,
        selection=step.selection,
        params=dict(outcome.params),
        given=dict(step.given),
        study=step.study,
        candidate=outcome.candidate,
        trials=step.trials,
        free_dimensions=step.free_dimensions,
        metrics={name: float(value) for name, value in outcome.metrics.items()},
        flags=outcome.flags,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=seconds,
        device=device_name(step),
        threads=step.threads,
        precision=step.precision,
        exclusive=is_exclusive(step),
        commit=commit(),
        versions=versions(),
        traceback=outcome.traceback,
    )
