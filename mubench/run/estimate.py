"""What a plan will cost: work that is known beforehand, and time where its like ran before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mubench.store.record import Record
from mubench.sweep.kinds import STEP_KINDS, StepKind
from mubench.sweep.plan import Plan
from mubench.sweep.steps import RetrainStep, Step, TrainStep, refusal_of
from mubench.sweep.workload import Work, work_of


@dataclass(frozen=True)
class KindCost:
    """Steps of one kind; `seconds` of those that will run, None where the store knows no like.

    `work` is theirs too: by the recipe, or at a method's default hyperparameters.
    """

    kind: StepKind
    total: int
    cached: int
    seconds: float | None
    work: Work

    @property
    def to_run(self) -> int:
        """Steps without a record."""
        return self.total - self.cached


def estimate(plan: Plan, records: Mapping[str, Record]) -> tuple[KindCost, ...]:
    """Cost by kind of step, from `records` of a store by id.

    A step is expected to take as long as the mean of its like: same kind, data set, model, method.
    """
    known = _means(records.values())
    return tuple(_kind_cost(plan, records, known, kind) for kind in STEP_KINDS)


def total(costs: Iterable[KindCost]) -> Work:
    """The work of all steps that will run."""
    return sum((cost.work for cost in costs), Work())


def _kind_cost(
    plan: Plan,
    records: Mapping[str, Record],
    known: Mapping[tuple[str, ...], float],
    kind: StepKind,
) -> KindCost:
    steps = [step for step in plan.steps.values() if step.kind == kind]
    waiting = [step for step in steps if step.id not in records]
    costs = [0.0 if refusal_of(step) else known.get(_like(step)) for step in waiting]
    known_costs = [cost for cost in costs if cost is not None]
    complete = len(known_costs) == len(costs)
    return KindCost(
        kind,
        len(steps),
        len(steps) - len(waiting),
        sum(known_costs) if complete else None,
        _work(waiting),
    )


def _work(steps: Iterable[Step]) -> Work:
    """The work of all: candidates of one search have the same, which is counted once."""
    alike: dict[tuple[str | int, ...], list[Step]] = {}
    for step in steps:
        kind, purpose, request, _, row, *_ = step.names
        alike.setdefault((kind, purpose, request, row), []).append(step)
    return sum((work_of(same[0]) * len(same) for same in alike.values()), Work())


def _means(records: Iterable[Record]) -> dict[tuple[str, ...], float]:
    seconds: dict[tuple[str, ...], list[float]] = {}
    for record in records:
        if record.seconds:
            key = (record.kind, record.dataset, record.model, record.method)
            seconds.setdefault(key, []).append(record.seconds)
    return {key: sum(values) / len(values) for key, values in seconds.items()}


def _like(step: Step) -> tuple[str, ...]:
    where = (step.kind, step.training.dataset.label, step.training.model.label)
    if isinstance(step, TrainStep | RetrainStep):
        return (*where, "")
    return (*where, step.method)
