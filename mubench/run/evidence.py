"""Evidence on the weights of a step's model: where it is from, and what it is compared with."""

import numpy as np
from torch import nn

from mubench.catalogue.seeds import derive_seed
from mubench.evidence.examine import Examination, examine
from mubench.evidence.subject import Subject
from mubench.run.references import WEIGHTS, evaluate
from mubench.run.step_inputs import RetrainInputs, UnlearnInputs
from mubench.sweep.steps import FinalStep

REMADE = "weights made again differ from those that gave the outputs"


def evidence_on_retrain(inputs: RetrainInputs, model: nn.Module) -> Examination:
    """The evidence of a Retrain; `model` is its trained model."""
    step = inputs.step
    if not step.evidence or step.train_id is None:
        return Examination({})
    original = inputs.original_of(step.train_id)
    anchor = None if step.retrain_id is None else inputs.weights_of(step.retrain_id)
    return examine(_subject(inputs, model, original, anchor), step.evidence)


def evidence_on_unlearned(inputs: UnlearnInputs[FinalStep], model: nn.Module) -> Examination:
    """The evidence of a final step; `model` is what its method left."""
    retrained = inputs.weights_of(inputs.step.retrain_id)
    return examine(_subject(inputs, model, inputs.original, retrained), inputs.step.evidence)


def differs_from_stored(inputs: UnlearnInputs[FinalStep], model: nn.Module) -> bool:
    """Whether a model that was made again answers D_f otherwise than the stored outputs."""
    now = evaluate(model, {"forget": inputs.forget})["forget"]
    return not np.array_equal(now.logits, inputs.stored_outputs().forget.logits)


def stored_model(inputs: RetrainInputs | UnlearnInputs[FinalStep]) -> nn.Module | None:
    """A step's own model, from its stored weights; None where only outputs were kept."""
    return inputs.weights_of(inputs.step.unlearn_id) if inputs.is_stored_with(WEIGHTS) else None


def _subject(
    inputs: RetrainInputs | UnlearnInputs[FinalStep],
    model: nn.Module,
    original: nn.Module,
    retrained: nn.Module | None,
) -> Subject:
    request = inputs.step.request
    return Subject(
        model=model,
        original=original,
        retrained=retrained,
        forget=inputs.forget,
        retain=inputs.retain,
        recipe=request.training.recipe,
        num_classes=inputs.dataset.num_classes,
        seed=derive_seed("evidence", request.name),
    )
