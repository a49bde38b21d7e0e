"""Run the step behind a record again, in this process, in a store of its own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch

from mubench.data.availability import decode_present
from mubench.data.forget_sets import forget_hash
from mubench.data.scratch import scratch_folder
from mubench.errors import DataError, InputError, MubenchError
from mubench.run.open_sweep import default_device
from mubench.run.step_result import not_run, refused
from mubench.run.trial import run_step
from mubench.run.workspace import Workspace
from mubench.store.lookup import RecordLocation, parse_sweep
from mubench.store.record import Record
from mubench.store.results import SweepResults
from mubench.store.store import Store
from mubench.sweep.kinds import Device
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan
from mubench.sweep.rows import Row
from mubench.sweep.steps import Candidate, FinalStep, SearchStep, Step, TrainStep, refusal_of


@dataclass(frozen=True)
class Reproduction:
    """A record and the step that makes it again."""

    record: Record
    sweep: str
    step: Step
    references: tuple[Step, ...]
    """The original and the Retrain that the step needs."""
    searched: frozenset[str]
    """The hyperparameters that its search chose."""
    candidates: tuple[Record, ...]
    """Records of that search."""
    has_changed: bool
    """Whether the step has another id in the current plan."""


def find_steps(
    place: RecordLocation,
    records: Iterable[Record],
    device: Device | None = None,
    data_dir: str | None = None,
) -> tuple[Reproduction, ...]:
    """Plan the sweep of some records again, and find their steps.

    A step is found by its id. If code, data, versions, device or sweep have changed since, the id
    is another, and kind, row, request, replica and candidate identify the step.

    Args:
        place: where the records lie.
        records: those whose steps are wanted.
        device: where steps run; without it the device that they ran on, if this machine has it.
        data_dir: folder of data sets, for those that lie in files.

    Raises:
        InputError: the sweep cannot be planned here, or has no such step.
    """
    wanted = tuple(records)
    labels = frozenset(record.dataset for record in wanted)
    plans = [
        (source, plan)
        for source in place.sources
        for plan in _plans(source, labels, device, data_dir)
    ]
    return tuple(_reproduction(record, place, plans) for record in wanted)


def run_again(
    reproductions: Iterable[Reproduction], place: RecordLocation, data_dir: str | None = None
) -> Iterator[Record]:
    """Run steps again, with the hyperparameters of their records; yield their new records.

    References are copied from the store of `place` if intact; otherwise they are trained. A
    reference whose own record is requested is always trained. That store is only read.

    Raises:
        DataError: the data are not here, or the step would forget other examples than it did.
        InputError: the record does not say what ran.
        MubenchError: a reference cannot be trained.
    """
    with scratch_folder() as folder:
        workspace = Workspace(Store(str(folder)), data_dir)
        for reproduction in reproductions:
            yield _run(reproduction, workspace, place.store)


def _plans(
    source: SweepResults, labels: frozenset[str], device: Device | None, data_dir: str | None
) -> list[Plan]:
    """The sweep's plan on the asked device; without one on each that may have made its records."""
    sweep = parse_sweep(source)
    decode_present((d.card for d in sweep.grid.dataset if d.label in labels), data_dir)
    devices = [device] if device else [default_device(sweep), *_here()]
    return [make_plan(sweep, each, data_dir) for each in dict.fromkeys(devices)]


def _here() -> tuple[Device, ...]:
    return ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)


def _reproduction(
    record: Record, place: RecordLocation, plans: list[tuple[SweepResults, Plan]]
) -> Reproduction:
    for source, plan in plans:
        if record.id in plan.steps:
            return _of_plan(record, source, plan, plan.steps[record.id])
    for source, plan in plans:
        for step in plan.steps.values():
            if _key_of(step) == _key(record):
                return _of_plan(record, source, plan, step)
    names = ", ".join(source.name for source in place.sources)
    raise InputError(
        f"{record.id}: no step of {names} in {place.name} is '{record.kind} {record.row} "
        f"{record.request}'; the sweep has changed since {record.created[:10]}"
    )


def _of_plan(record: Record, source: SweepResults, plan: Plan, step: Step) -> Reproduction:
    row = _searched_row(step)
    params = row.space.params if row is not None else ()
    needs = [plan.steps[key] for key in step.needs]
    return Reproduction(
        record,
        source.name,
        step,
        tuple(needed for needed in needs if needed.kind in ("train", "retrain")),
        frozenset(param.name for param in params if param.range.free_dimensions),
        tuple(r for r in source.latest_records if r.kind == "search" and r.study == record.study),
        has_changed=step.id != record.id,
    )


_Key = tuple[str | int, ...]


def _key(of: Record) -> _Key:
    """What identifies a step in its plan, independent of code and versions."""
    place = of.candidate if of.place < 0 else of.place  # older records lack places
    searched = (of.repeat, of.round, place) if of.kind == "search" else ()
    return (of.kind, of.row, of.selection, of.request, of.purpose, of.replica, *searched)


def _key_of(step: Step) -> _Key:
    return _key(not_run("refused", step, ""))


def _searched_row(step: Step) -> Row | None:
    """The row whose search chooses the step's hyperparameters, if one does."""
    match step:
        case SearchStep():
            return step.row
        case FinalStep() if step.study is not None:
            return step.row
        case _:
            return None


def _run(reproduction: Reproduction, workspace: Workspace, store: Store | None) -> Record:
    step, record = reproduction.step, reproduction.record
    refusal = refusal_of(step)
    if refusal is not None:
        return refused(step, refusal)
    if not record.params and _searched_row(step) is not None:
        return _select_nothing(reproduction)
    if step.execution.device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: torch finds no GPU here; say --device cpu")
    _require_same_request(step, record, workspace)
    for reference in reproduction.references:
        _provide(reference, workspace, store)
    workspace.store.artefacts.discard(step.unlearn_id)
    if not record.params:  # a worker that was lost left none; a default step has them from the plan
        return run_step(step, workspace)
    number = None if record.candidate < 0 else record.candidate
    return run_step(step, workspace, Candidate(record.params, number))


def _select_nothing(reproduction: Reproduction) -> Record:
    """The record of a step that never ran, because its search gave no hyperparameters."""
    record = reproduction.record
    tried = {each.candidate for each in reproduction.candidates}
    finished = tried - {each.candidate for each in reproduction.candidates if each.status != "ok"}
    if record.status != "refused" or not tried or finished:
        raise InputError(
            f"{record.id}: the record does not say which hyperparameters it ran with "
            f"({record.status}: {record.message}); 'mubench retry' runs the step itself again"
        )
    return refused(reproduction.step, record.message)


def _require_same_request(step: Step, record: Record, workspace: Workspace) -> None:
    """Load the data, and refuse to compare a number with that of another forget set."""
    workspace.configure(step)
    if isinstance(step, TrainStep):
        _ = workspace.open(step).train
        return
    drawn = forget_hash(workspace.open(step).forget.ids)
    if record.forget_hash not in ("", drawn):
        raise DataError(
            f"{record.id}: the request forgets other examples now (hash {drawn[:12]}, then "
            f"{record.forget_hash[:12]}): the data or the code that draws them have changed"
        )


def _provide(reference: Step, workspace: Workspace, store: Store | None) -> None:
    artefacts, key = workspace.store.artefacts, reference.unlearn_id
    if artefacts.has(key) or (store is not None and store.artefacts.copy(key, artefacts)):
        return
    made = run_step(reference, workspace)
    if made.status != "ok":
        raise MubenchError(
            f"{reference.title}: {made.status}: {made.message}; nothing can be measured without it"
        )
