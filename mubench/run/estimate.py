"""What a plan will cost: work that is known beforehand, and time where its like ran before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mubench.catalogue.search_space import Scalar
from mubench.store.record import Kind, Record
from mubench.sweep.plan import Plan, Step
from mubench.sweep.workload import Work, work_of

KINDS: tuple[Kind, ...] = ("train", "retrain", "search", "final")


@dataclass(frozen=True)
class KindCost:
    """Steps of one kind; `seconds` of those that will run, None where the store knows no like.

    `work` is theirs too: by the recipe, or at a method's default hyperparameters.
    """

    kind: Kind
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
    defaults = {s.row: s.params for s in plan.steps.values() if s.selection == "default"}
    return tuple(_kind_cost(plan, records, known, defaults, kind) for kind in KINDS)


def total(costs: Iterable[KindCost]) -> Work:
    """The work of all steps that will run."""
    return sum((cost.work for cost in costs), Work())


def _kind_cost(
    plan: Plan,
    records: Mapping[str, Record],
    known: Mapping[tuple[str, ...], float],
    defaults: Mapping[str, Mapping[str, Scalar]],
    kind: Kind,
) -> KindCost:
    steps = [step for step in plan.steps.values() if step.kind == kind]
    waiting = [step for step in steps if step.id not in records]
    costs = [0.0 if step.refusal else known.get(_like_step(step)) for step in waiting]
    known_costs = [cost for cost in costs if cost is not None]
    complete = len(known_costs) == len(costs)
    return KindCost(
        kind,
        len(steps),
        len(steps) - len(waiting),
        sum(known_costs) if complete else None,
        sum((work_of(step, defaults.get(step.row, {})) for step in waiting), Work()),
    )


def _means(records: Iterable[Record]) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], list[float]] = {}
    for record in records:
        if record.seconds:
            key = (record.kind, record.dataset, record.model, record.method)
            found.setdefault(key, []).append(record.seconds)
    return {key: sum(values) / len(values) for key, values in found.items()}


def _like_step(step: Step) -> tuple[str, ...]:
    return (step.kind, step.dataset.label, step.model.label, step.method)
