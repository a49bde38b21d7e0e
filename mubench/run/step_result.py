"""The result of a step, and the record that is made of it."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from mubench.catalogue.ranges import Scalar
from mubench.errors import TimedOut, one_line, visible
from mubench.run.environment import commit, device_name, is_exclusive, numerics, versions
from mubench.store.record import Record, Status
from mubench.sweep.kinds import ORIGINAL
from mubench.sweep.request import Request
from mubench.sweep.rows import Row
from mubench.sweep.steps import FinalStep, RetrainStep, SearchStep, Step, TrainStep


@dataclass(frozen=True)
class StepResult:
    """The result of a step; stored with its outputs, so that they can be scored again."""

    status: Status = "ok"
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    params: Mapping[str, Scalar] = field(default_factory=dict)
    candidate: int | None = None
    forget_hash: str = ""
    n_forget: int = 0
    n_retain: int = 0
    traceback: str = ""


def failed(
    status: Literal["timed_out", "out_of_memory", "error"], error: BaseException
) -> StepResult:
    """The result of a step that raised `error`, with its traceback."""
    text = " ".join(str(error).split()) or type(error).__name__
    named = text if isinstance(error, TimedOut) else f"{type(error).__name__}: {text}"
    return StepResult(status=status, message=named, traceback=traceback.format_exc())


def not_run(status: Literal["refused", "error"], step: Step, reason: str) -> Record:
    """The record of a step that did not run."""
    first_round = isinstance(step, SearchStep) and not step.round
    candidate = step.place if isinstance(step, SearchStep) and first_round else None
    return make_record(step, StepResult(status, reason, candidate=candidate), 0.0)


def refused(step: Step, reason: str) -> Record:
    """The record of a refused step."""
    return not_run("refused", step, reason)


def make_record(step: Step, result: StepResult, seconds: float) -> Record:
    """The record of a finished step, in flat columns."""
    training, execution = step.training, step.execution
    record = Record(
        id=step.id,
        unlearn_id=step.unlearn_id,
        kind=step.kind,
        status=result.status,
        message=one_line(result.message),
        dataset=training.dataset.label,
        model=training.model.label,
        scenario="",
        cell=training.label,
        request=training.name,
        purpose=training.purpose,
        seed_train=training.seed,
        forget_hash=result.forget_hash,
        n_forget=result.n_forget,
        n_retain=result.n_retain,
        params=dict(result.params),
        candidate=-1 if result.candidate is None else result.candidate,
        metrics={name: float(value) for name, value in result.metrics.items()},
        flags=result.flags,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        seconds=seconds,
        device=device_name(execution.device),
        threads=execution.threads,
        precision=execution.precision,
        exclusive=is_exclusive(execution),
        commit=commit(),
        versions=versions(),
        numerics=numerics(execution.device),
        traceback=visible(result.traceback),
    )
    match step:
        case TrainStep():
            return record
        case RetrainStep():
            return replace(_of_request(record, step.request), replica=step.replica)
        case SearchStep():
            searched = replace(
                record,
                study=step.study_id,
                repeat=step.repeat,
                round=step.round,
                place=step.place,
                trials=step.trials,
            )
            return _of_row(_of_request(searched, step.request), step.row)
        case FinalStep():
            final = replace(record, selection=step.selection or "")
            if step.study is not None:
                study = step.study
                final = replace(final, study=study.id, repeat=study.repeat, trials=study.trials)
            return _of_row(_of_request(final, step.request), step.row)


def _of_request(record: Record, request: Request) -> Record:
    return replace(
        record,
        scenario=request.forget.label,
        cell=request.cell,
        request=request.name,
        seed_forget=request.flat_seed,
        forget_classes=request.classes,
    )


def _of_row(record: Record, row: Row | None) -> Record:
    if row is None:
        return replace(record, method=ORIGINAL, row=ORIGINAL)
    return replace(
        record,
        method=row.method,
        row=row.label,
        given=dict(row.given),
        free_dimensions=row.space.free_dimensions,
    )
