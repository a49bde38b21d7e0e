"""Diagnostics of a final step: numbers, or the reason why a number is missing."""

from collections.abc import Mapping
from typing import NamedTuple

from mubench.catalogue.phases import phase
from mubench.catalogue.ranges import Scalar, is_number
from mubench.errors import Diverged
from mubench.methods.shared import theorem2
from mubench.metrics.theory import label_ldp_epsilon
from mubench.run.step_inputs import UnlearnInputs
from mubench.sweep.diagnostics import LabelLdpSpec, Theorem2Spec
from mubench.sweep.steps import FinalStep


class Diagnosis(NamedTuple):
    """Metrics by name, and a flag with the reason for each missing number."""

    metrics: Mapping[str, float]
    flags: tuple[str, ...] = ()


@phase("evidence")
def diagnose(inputs: UnlearnInputs[FinalStep], params: Mapping[str, Scalar]) -> Diagnosis:
    """Compute the diagnostics of a step; `params` are its hyperparameters."""
    asked = inputs.step.diagnostics
    if asked.theorem2 is not None:
        return _theorem2(inputs, asked.theorem2)
    if asked.label_ldp is not None:
        return _label_ldp(params["alpha"], asked.label_ldp, inputs.dataset.num_classes)
    return Diagnosis({})


def _theorem2(inputs: UnlearnInputs[FinalStep], asked: Theorem2Spec) -> Diagnosis:
    model, forget, retain = inputs.original, inputs.forget, inputs.retain
    try:
        result = theorem2.diagnose(model, forget, retain, **asked.model_dump())
    except (Diverged, ValueError) as error:
        return Diagnosis({}, (f"no Theorem 2: {error}",))
    return Diagnosis(
        {
            "theorem2_cosine": result.cosine,
            "theorem2_best_alpha": result.best_alpha,
            "theorem2_improvement": result.relative_improvement,
            "theorem2_residual": result.residual,
        }
    )


def _label_ldp(alpha: Scalar, weights: LabelLdpSpec, num_classes: int) -> Diagnosis:
    if not is_number(alpha):
        return Diagnosis({}, (f"no Label-LDP epsilon: alpha is {alpha}, not one number",))
    epsilon = label_ldp_epsilon(float(alpha), weights.gamma1, weights.gamma2, num_classes)
    if epsilon.reason:
        return Diagnosis({}, (f"no Label-LDP epsilon: {epsilon.reason}",))
    return Diagnosis({"label_ldp_epsilon": epsilon.value})
