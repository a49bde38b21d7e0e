"""The diagnostics that a sweep asked for, of a final step: numbers, or why there is none."""

from collections.abc import Mapping
from typing import NamedTuple

from mubench.catalogue.ranges import Scalar, is_number
from mubench.errors import Diverged
from mubench.methods.shared import theorem2
from mubench.metrics.theory import label_ldp_epsilon
from mubench.run.step_inputs import UnlearnInputs
from mubench.sweep.diagnostics import LabelLdpSpec, Theorem2Spec
from mubench.sweep.steps import FinalStep


class Found(NamedTuple):
    """Metrics by name, and flags in words where there is no number."""

    metrics: Mapping[str, float]
    flags: tuple[str, ...] = ()


def diagnose(inputs: UnlearnInputs[FinalStep], params: Mapping[str, Scalar]) -> Found:
    """What the step's diagnostics say; `params` are its hyperparameters."""
    asked = inputs.step.diagnostics
    if asked.theorem2 is not None:
        return _theorem2(inputs, asked.theorem2)
    if asked.label_ldp is not None:
        return _label_ldp(params["alpha"], asked.label_ldp, inputs.dataset.num_classes)
    return Found({})


def _theorem2(inputs: UnlearnInputs[FinalStep], asked: Theorem2Spec) -> Found:
    model, forget, retain = inputs.original, inputs.forget, inputs.retain
    try:
        found = theorem2.diagnose(model, forget, retain, **asked.model_dump())
    except (Diverged, ValueError) as error:
        return Found({}, (f"no Theorem 2: {error}",))
    return Found(
        {
            "theorem2_cosine": found.cosine,
            "theorem2_best_alpha": found.best_alpha,
            "theorem2_improvement": found.relative_improvement,
            "theorem2_residual": found.residual,
        }
    )


def _label_ldp(alpha: Scalar, weights: LabelLdpSpec, num_classes: int) -> Found:
    if not is_number(alpha):
        return Found({}, (f"no Label-LDP epsilon: alpha is {alpha}, not one number",))
    epsilon = label_ldp_epsilon(float(alpha), weights.gamma1, weights.gamma2, num_classes)
    if epsilon.reason:
        return Found({}, (f"no Label-LDP epsilon: {epsilon.reason}",))
    return Found({"label_ldp_epsilon": epsilon.value})
