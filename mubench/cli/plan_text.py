"""A plan for people and for programs."""

from collections.abc import Hashable, Sequence
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mubench.data.availability import known_findings
from mubench.errors import plural
from mubench.report.analysis.significance import detectable, fewest_pairs
from mubench.run.estimate import KindCost, total
from mubench.run.memory import memory_of
from mubench.run.storage import in_units, storage_of
from mubench.sweep.grid import DatasetSpec
from mubench.sweep.kinds import ORIGINAL
from mubench.sweep.parallelism import parallelism
from mubench.sweep.plan import Plan
from mubench.sweep.steps import FinalStep, refusal_of
from mubench.sweep.workload import Work

_UNKNOWN = "no fingerprint until its files are decoded"


def plan_table(plan: Plan, costs: Sequence[KindCost]) -> list[RenderableType]:
    """What would run: cells, rows, steps by kind, refusals, estimated time."""
    grid = Table(box=None, pad_edge=False)
    for column in ("step", "all", "cached", "to run", "epochs", "forward", "backward", "estimate"):
        grid.add_column(column, justify="left" if column == "step" else "right")
    for cost in costs:
        numbers = (str(cost.total), str(cost.cached), str(cost.to_run))
        grid.add_row(cost.kind, *numbers, *_counts(cost.work), _duration(cost.seconds))
    grid.add_row("total", "", "", "", *_counts(total(costs)), "")
    heading = Text.assemble((plan.name, "bold"), f"  on {plan.device}")
    controls = plan.controls
    lines = [
        Text(f"cells:   {', '.join(plan.cells)}"),
        Text(f"rows:    {', '.join([ORIGINAL, *plan.methods])}"),
        *([Text(f"controls: {', '.join(controls)}")] if controls else []),
        Text(f"studies: {len(plan.studies)}{_budget(plan)}"),
        Text(f"workers: {_workers(plan)}"),
        Text(f"verdicts: {_verdicts(plan)}"),
        Text(f"store:   {_store(plan)}"),
        *(Text(f"memory:  {line}") for line in _memory(plan)),
        *(
            Text(f"cached:  unknown for {name} ({_UNKNOWN}); run `mubench {_fetch(name, plan)}`")
            for name in plan.unknown_data
        ),
        *(Text(f"data:    {line}") for line in _found(plan)),
    ]
    return [heading, *lines, Text(), grid, Text(_examples(costs)), *_closing(plan, costs)]


def _data(plan: Plan) -> dict[str, DatasetSpec]:
    return {step.training.dataset.label: step.training.dataset for step in plan.steps.values()}


def _found(plan: Plan) -> list[str]:
    """What is known of data without a card file."""
    return [
        f"{name}: {line}"
        for name, data in _data(plan).items()
        for line in known_findings(data.card, data.options)
    ]


def _fetch(name: str, plan: Plan) -> str:
    return f"data fetch {name}" if _data(plan)[name].declared is None else "data check SWEEP"


def plan_json(plan: Plan, costs: Sequence[KindCost]) -> dict[str, Any]:
    """The same for programs; `seconds` is null where the store has no similar steps.

    `work` is that of the steps that will run.
    """
    used, most = parallelism(plan.steps), memory_of(plan.steps.values())
    return {
        "name": plan.name,
        "device": plan.device,
        "cells": list(plan.cells),
        "rows": list(plan.rows),
        "controls": list(plan.controls),
        "steps": {
            cost.kind: {
                "all": cost.total,
                "cached": cost.cached,
                "seconds": cost.seconds,
                "work": _work_json(cost.work),
            }
            for cost in costs
        },
        "work": _work_json(total(costs)),
        "workers": {"most": used.most, "mean": round(used.mean, 1), "chain": dict(used.chain)},
        "store": _store_json(plan),
        "memory": None if most is None else most._asdict(),
        "studies": [
            {
                "id": s.id,
                "cell": s.cell,
                "row": s.row.label,
                "repeat": s.repeat,
                "places": [len(steps) for steps in s.rounds],
            }
            for s in plan.studies.values()
        ],
        "ids": [
            {
                "id": step.id,
                "kind": step.kind,
                "title": step.title,
                "refusal": refusal_of(step) or "",
            }
            for step in plan.steps.values()
        ],
    }


def _workers(plan: Plan) -> str:
    """How many the sweep can use, and what limits them."""
    used = parallelism(plan.steps)
    chain = ", ".join(f"{count} {kind}" for kind, count in used.chain.items())
    return (
        f"up to {used.most} at once, {used.mean:.0f} on average; "
        f"longest chain: {plural(sum(used.chain.values()), 'step')} ({chain})"
    )


def _store(plan: Plan) -> str:
    """Bytes at the end, and what they are."""
    stored = storage_of(plan.steps.values())
    parts = {"records": stored.records, "outputs": stored.outputs, "weights": stored.weights}
    shown = ", ".join(f"{name} {in_units(count)}" for name, count in parts.items())
    text = f"{'about' if stored.is_exact else 'more than'} {in_units(stored.total)} ({shown})"
    if plan.keep == "records":
        text += f" while it runs, {in_units(stored.records)} when it is completed"
    return text


def _memory(plan: Plan) -> list[str]:
    """What the step that needs most holds of its model; nothing where no card says."""
    most = memory_of(plan.steps.values())
    if most is None:
        return []
    return [
        f"at least {in_units(most.bytes)} a worker ({most.what}: weights, gradients, the "
        f"optimizer's, and copies, {most.copies} values a parameter); activations and data come "
        "on top"
    ]


def _store_json(plan: Plan) -> dict[str, Any]:
    stored = storage_of(plan.steps.values())
    return {
        "keep": plan.keep,
        "records_bytes": stored.records,
        "outputs_bytes": stored.outputs,
        "weights_bytes": stored.weights,
        "is_exact": stored.is_exact,
    }


def _verdicts(plan: Plan) -> str:
    """What the planned requests can decide, and how large a difference must be for that."""
    rows = len(plan.methods)
    all_pairs = rows * (rows - 1) // 2
    requests = min(_independent_requests(plan).values(), default=0)
    decided = _decided("one planned comparison needs", requests, 1)
    if all_pairs > 1:
        decided += "; " + _decided(f"all {all_pairs} pairs of rows need", requests, all_pairs)
    return (
        f"{plural(requests, 'independent request')} in each cell; {decided} (power 80 %; sd: that "
        "of differences between requests, to which tuned rows add the luck in tuning)"
    )


def _decided(needed: str, requests: int, comparisons: int) -> str:
    size = detectable(requests, comparisons)
    shown = "nothing is decided" if size is None else f"shown from {size:.1f} sd"
    return f"{needed} {fewest_pairs(comparisons)}: {shown}"


def _independent_requests(plan: Plan) -> dict[str, int]:
    """Requests of each cell that share neither an original nor a forget set."""
    causes: dict[str, tuple[set[Hashable], set[Hashable]]] = {}
    for step in plan.steps.values():
        if isinstance(step, FinalStep):
            trainings, forget_sets = causes.setdefault(step.request.cell, (set(), set()))
            trainings.add(step.request.training.seed)
            forget_sets.add((step.request.scenario, step.request.seed_forget))
    return {cell: min(map(len, both)) for cell, both in causes.items()}


def _work_json(work: Work) -> dict[str, Any]:
    return {
        "training_epochs": work.epochs,
        "forward_examples": work.forward,
        "backward_examples": work.backward,
        "is_exact": work.is_exact,
    }


def _counts(work: Work) -> tuple[str, str, str]:
    """Epochs of trainings, examples forward and backward; `~` marks an approximate number."""
    about = "" if work.is_exact else "~"
    epochs = f"{work.epochs:,}" if work.epochs else ""
    return epochs, f"{about}{work.forward:,}", f"{about}{work.backward:,}"


def _examples(costs: Sequence[KindCost]) -> str:
    text = "forward, backward: examples in the steps to run, at default hyperparameters"
    return text if total(costs).is_exact else f"{text}; ~ assumes classes of equal size"


def _budget(plan: Plan) -> str:
    budgets = {tuple(map(len, study.rounds)) for study in plan.studies.values()}
    if len(budgets) != 1:
        return ""
    [places] = budgets
    races = f" ({', '.join(map(str, places))} candidates on its requests)" if places[1:] else ""
    return f", {plural(sum(places), 'trial')} each{races}"


def _closing(plan: Plan, costs: Sequence[KindCost]) -> list[RenderableType]:
    refused = {
        (step.label, step.request.cell, step.refusal)
        for step in plan.steps.values()
        if isinstance(step, FinalStep) and step.refusal is not None
    }
    lines = [Text(f"refused: {row} on {cell}: {why}") for row, cell, why in sorted(refused)]
    known = [cost.seconds for cost in costs if cost.seconds is not None]
    if len(known) < len(costs):
        return [*lines, Text("no time estimate: the store has no records of similar steps")]
    return [*lines, Text(f"estimate: {_duration(sum(known))} if steps run one after another")]


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
