"""A request in parts: they are unlearned one after the other, each from the model before."""

from dataclasses import replace
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from mubench.catalogue.seeds import derive_seed
from mubench.data.forget_sets import forget_parts
from mubench.data.split import Split
from mubench.methods.base import ForgetTask, Method, Unlearned
from mubench.metrics.outputs import Outputs
from mubench.run.references import evaluate
from mubench.run.step_inputs import UnlearnInputs


class _Look(NamedTuple):
    """What a model on the way knows."""

    first: float
    """Accuracy on the first part."""
    holdout: float
    """Accuracy on the held-out split, without classes and groups that are forgotten whole."""


def unlearn_parts(inputs: UnlearnInputs[Any], method: Method, task: ForgetTask) -> Unlearned:
    """Run a method on each part of the step's request; what is left after it is D_r.

    Costs are sums, but for the peak of memory; the two looks on the way are not part of them. The
    notes are those of the last part, with `sequence_reversal` and `sequence_erosion`. The first
    part that diverges is the last.
    """
    request = inputs.step.request
    count = request.forget.parts
    parts = forget_parts(inputs.train, inputs.forget, count, request.name)
    model, results, looks = inputs.original, list[Unlearned](), list[_Look]()
    for number, (part, left) in enumerate(parts):
        splits = {**task.splits, "forget": part, "retain": left}
        seed = derive_seed(task.seed, "part", number)
        results.append(method.run(model, replace(task, splits=splits, seed=seed)))
        model = results[-1].model
        if results[-1].status == "diverged":
            message = f"part {number + 1} of {count}: {results[-1].message}"
            return _together(replace(results[-1], message=message), results)
        if number in (0, count - 1):
            looks += _look(inputs, model, parts[0][0])
    return _together(replace(results[-1], notes={**results[-1].notes, **_change(looks)}), results)


def _together(last: Unlearned, results: list[Unlearned]) -> Unlearned:
    """The last result with the costs of all."""
    return replace(
        last,
        cost=reduce(add, (result.cost for result in results)),
        prepare_cost=reduce(add, (result.prepare_cost for result in results)),
    )


def _look(inputs: UnlearnInputs[Any], model: nn.Module, first: Split) -> list[_Look]:
    """What the model knows; nothing where an output is not finite."""
    holdout = inputs.holdout_splits[inputs.scored_parts[-1]]
    outputs = evaluate(model, {"first": first, "holdout": holdout})
    if not all(np.isfinite(each.logits).all() for each in outputs.values()):
        return []
    retained = outputs["holdout"].without_classes(inputs.forget_classes)
    retained = retained.without_groups(inputs.forget_groups)
    return [_Look(_right(outputs["first"]), _right(retained))]


def _right(outputs: Outputs) -> float:
    """Share of right answers, not by the metric: a change of it would unlearn everything again."""
    return float((outputs.predictions() == outputs.labels).mean())


def _change(looks: list[_Look]) -> dict[str, float]:
    """The metrics of a sequence, from a look after the first part and one at the end."""
    if len(looks) < 2:
        return {}
    after_first, end = looks
    return {
        "sequence_reversal": end.first - after_first.first,
        "sequence_erosion": after_first.holdout - end.holdout,
    }
