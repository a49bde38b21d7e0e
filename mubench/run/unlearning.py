"""A method at work on a step's request, and what that took."""

from mubench.catalogue.ids import content_id
from mubench.catalogue.phases import phase
from mubench.catalogue.registry import make_method
from mubench.catalogue.seeds import derive_seed
from mubench.methods.base import ForgetTask, Method, Prepared, Unlearned
from mubench.models.training.cost_meter import weight_change
from mubench.run.environment import is_alone
from mubench.run.sequence import unlearn_parts
from mubench.run.step_inputs import UnlearnInputs
from mubench.sweep.rows import Row
from mubench.sweep.steps import Candidate, FinalStep, SearchStep

Unlearning = UnlearnInputs[SearchStep] | UnlearnInputs[FinalStep]
"""What a step sees that runs a method."""


@phase("unlearning")
def unlearn(inputs: Unlearning, row: Row, candidate: Candidate) -> Unlearned:
    """Run a method on the step's request; search steps share what `prepare` returned."""
    step = inputs.step
    method: Method = make_method(row.method, candidate.params)
    task = ForgetTask(
        splits={
            "forget": inputs.forget,
            "retain": inputs.retain,
            "validation": inputs.holdout_splits["validation"],
        },
        num_classes=inputs.dataset.num_classes,
        seed=derive_seed("unlearn", row.method, step.request.name),
        new_model=inputs.new_model,
        precision=step.execution.precision,
    )
    if step.request.forget.parts > 1:
        return unlearn_parts(inputs, method, task)
    prepared: Prepared | None = None
    if isinstance(step, SearchStep) and method.prepares:
        values = [getattr(method, name) for name in method.prepare_params]
        key = content_id("prepared", step.study_id, step.request.name, values)
        prepared = inputs.prepared(key, lambda: method.run_prepare(inputs.original, task))
    return method.run(inputs.original, task, prepared)


def cost_of(inputs: Unlearning, unlearned: Unlearned) -> dict[str, float]:
    """What it took, and how far the weights moved, by metric name."""
    cost, (forward, backward) = unlearned.cost, inputs.flops
    energy = cost.energy_joules if is_alone(inputs.step.execution) else None
    return {
        "rte_seconds": cost.rte_seconds,
        "wall_seconds": cost.wall_seconds,
        "prepare_seconds": unlearned.prepare_cost.rte_seconds,
        "forward_examples": cost.forward_examples,
        "backward_examples": cost.backward_examples,
        "flops": forward * cost.forward_examples + backward * cost.backward_examples,
        "peak_mib": cost.peak_mib,
        **({} if energy is None else {"energy_joules": energy}),
        "weight_change": weight_change(unlearned.model, inputs.original),
        **unlearned.notes,
    }
