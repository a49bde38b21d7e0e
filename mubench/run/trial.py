"""Run one step in this process and return its record. No Ray here."""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace

import numpy as np
import torch
from torch import nn

from mubench.catalogue.phases import phase, seconds_by_phase
from mubench.data.forget_sets import forget_hash
from mubench.data.scenario import search_overlap
from mubench.data.split import Split
from mubench.errors import Diverged, Interrupted, Refused, StoreError, TimedOut
from mubench.evidence.examine import Examination
from mubench.metrics.accuracy import accuracy
from mubench.metrics.gap import FORMS
from mubench.metrics.objective import search_values
from mubench.metrics.outputs import Evaluated, Outputs
from mubench.metrics.score import score
from mubench.models.training.time_limit import time_limit
from mubench.run.checkpointer import StepCheckpointer
from mubench.run.diagnostics import diagnose
from mubench.run.evidence import (
    REMADE,
    differs_from_stored,
    evidence_on_retrain,
    evidence_on_unlearned,
    stored_model,
)
from mubench.run.references import (
    SPLIT_HASH,
    WEIGHTS,
    evaluate,
    outputs_to_arrays,
    train,
    weights_to_arrays,
)
from mubench.run.step_inputs import RetrainInputs, StepInputs, UnlearnInputs
from mubench.run.step_result import StepResult, failed, make_record
from mubench.run.unlearning import Unlearning, cost_of, unlearn
from mubench.run.workspace import Workspace
from mubench.store.full_disk import told_if_full
from mubench.store.record import WORST, Record
from mubench.sweep.rows import Row
from mubench.sweep.steps import Candidate, FinalStep, RetrainStep, SearchStep, Step, TrainStep

_Training = StepInputs[TrainStep] | RetrainInputs
_FREE = ("rte_seconds", "wall_seconds", "forward_examples", "backward_examples", "flops")
"""Costs of the original without unlearning: zero."""


def run_step(step: Step, workspace: Workspace, candidate: Candidate | None = None) -> Record:
    """Run a step; a failure of the step becomes the record's status.

    Without a `candidate` a final step runs with its default hyperparameters.

    Raises:
        Interrupted: the process was asked to stop; the step is not done, and there is no record.
        StoreError: the store cannot be read or written, which is no fault of the step.
    """
    candidate = candidate or Candidate(step.defaults if isinstance(step, FinalStep) else {})
    began = time.perf_counter()
    seconds_by_phase()  # what came before is not of this step
    try:
        with told_if_full(), time_limit(step.execution.limit_seconds):
            workspace.configure(step)
            result = _run(step, workspace, candidate)
    except (Interrupted, StoreError):  # of the run, not of the step
        raise
    except Refused as error:
        result = StepResult(status="refused", message=str(error))
    except TimedOut as error:
        result = failed("timed_out", error)
    except (torch.OutOfMemoryError, MemoryError) as error:
        result = failed("out_of_memory", error)
    except Exception as error:  # noqa: BLE001  a plug-in may raise anything: a failure is a row
        result = failed("error", error)
    if step.kind == "search" and result.status != "ok":
        worst = dict.fromkeys(("objective", *FORMS), WORST)
        result = replace(result, metrics={**result.metrics, **worst})
    if not result.params:
        result = replace(result, params=candidate.params, candidate=candidate.number)
    record = make_record(step, result, time.perf_counter() - began)
    return replace(record, phases=seconds_by_phase())


def _run(step: Step, workspace: Workspace, candidate: Candidate) -> StepResult:
    match step:
        case TrainStep():
            return _train(workspace.open(step))
        case RetrainStep():
            return _retrain(workspace.open(step))
        case SearchStep():
            return _search(workspace.open(step), candidate)
        case FinalStep():
            return _final(workspace.open(step), candidate)


def _train(inputs: StepInputs[TrainStep]) -> StepResult:
    """Train the original; store its weights and its outputs on D_tr and the held-out splits."""
    if not inputs.is_stored():
        checkpointer = _checkpointer(inputs)
        model = _trained(inputs, inputs.train, checkpointer)
        outputs = _evaluated(model, {"train": inputs.train, **inputs.holdout_splits})
        parts = {WEIGHTS: weights_to_arrays(model), **outputs_to_arrays(outputs)}
        inputs.save(parts, {SPLIT_HASH: forget_hash(inputs.train.ids)})
        checkpointer.discard()
    parts_shown = ("train", "validation")
    return StepResult(
        metrics={f"{part}_accuracy": accuracy(inputs.stored(part)) for part in parts_shown}
    )


def _retrain(inputs: RetrainInputs) -> StepResult:
    """Train on D_r alone; store and score its outputs, a replica against the anchor."""
    model = None if inputs.is_stored() else _retrain_and_store(inputs)
    outputs, anchor = inputs.stored_outputs(), inputs.anchor
    with phase("metrics"):
        scores = score(
            outputs,
            anchor,
            forget_classes=inputs.forget_classes,
            forget_groups=inputs.forget_groups,
        )
    found = Examination({})
    if inputs.step.evidence:
        model = model or inputs.weights_of(inputs.step.unlearn_id)
        with phase("evidence"):
            found = evidence_on_retrain(inputs, model)
    metrics = {**scores.values, **inputs.about()["metrics"], **found.metrics}
    return _sized(StepResult(metrics=metrics, flags=(*scores.flags, *found.flags)), inputs)


def _search(inputs: UnlearnInputs[SearchStep], candidate: Candidate) -> StepResult:
    """Try one candidate on a search request; only D_f, D_r and D_val are readable."""
    unlearned = unlearn(inputs, inputs.step.row, candidate)
    outputs = _outputs(unlearned.model, _splits(inputs))
    cost = cost_of(inputs, unlearned)
    result = StepResult(metrics=cost, params=candidate.params, candidate=candidate.number)
    result = _sized(result, inputs)
    if unlearned.status == "diverged" or not _is_finite(outputs):
        message = unlearned.message or "outputs are not finite"
        return replace(result, status="diverged", message=message)
    objective = inputs.step.objective
    original = inputs.original_outputs if objective == "retrain_free" else None
    with phase("metrics"):
        values = search_values(
            objective,
            Evaluated(*outputs.values()),
            original,
            inputs.retrained_values,
            inputs.forget_classes,
            inputs.forget_groups,
        )
    return replace(result, metrics={**cost, **values})


def _final(inputs: UnlearnInputs[FinalStep], candidate: Candidate) -> StepResult:
    """Run a method on a final request, store its outputs, score them against Retrain."""
    row, model = inputs.step.row, None
    if row is None:
        result = StepResult(metrics=dict.fromkeys(_FREE, 0.0))
        outputs, model = inputs.original_outputs, inputs.original
    else:
        if not inputs.is_stored():
            model = _unlearn_and_store(inputs, row, candidate)
        about = inputs.about()
        result = StepResult(**{**about, "flags": tuple(about["flags"])})
        outputs = inputs.stored_outputs()
    original = None if row is None else inputs.original_outputs
    with phase("metrics"):
        scores = score(
            outputs,
            inputs.retrained,
            original,
            inputs.forget_classes,
            forget_groups=inputs.forget_groups,
            retrained_values=inputs.retrained_values,
        )
    diagnosed = diagnose(inputs, result.params)
    found = _examined(inputs, result, model) if inputs.step.evidence else Examination({})
    flags = (
        *result.flags,
        *scores.flags,
        *diagnosed.flags,
        *found.flags,
        *_overlap(inputs.step.request.forget.share),
    )
    metrics = {**result.metrics, **scores.values, **diagnosed.metrics, **found.metrics}
    return _sized(replace(result, metrics=metrics, flags=flags), inputs)


@phase("evidence")
def _examined(
    inputs: UnlearnInputs[FinalStep], result: StepResult, model: nn.Module | None
) -> Examination:
    """The evidence that is asked for; a model whose weights were not kept is made again."""
    row = inputs.step.row
    if result.status != "ok":
        return Examination({}, ("no evidence: it diverged",))
    model = model or stored_model(inputs)
    flags: tuple[str, ...] = ()
    if model is None:
        assert row is not None
        model = unlearn(inputs, row, Candidate(result.params, result.candidate)).model
        flags = (REMADE,) if differs_from_stored(inputs, model) else ()
    found = evidence_on_unlearned(inputs, model)
    return Examination(found.metrics, (*flags, *found.flags))


def _retrain_and_store(inputs: RetrainInputs) -> nn.Module:
    checkpointer = _checkpointer(inputs)
    model = _trained(inputs, inputs.retain, checkpointer)
    spent = checkpointer.cost()
    outputs = _evaluated(model, _splits(inputs))
    examples = inputs.step.training.recipe.epochs * len(inputs.retain)
    cost = {
        "rte_seconds": spent.rte_seconds,
        "wall_seconds": spent.wall_seconds,
        "forward_examples": examples,
        "backward_examples": examples,
    }
    parts = {WEIGHTS: weights_to_arrays(model), **outputs_to_arrays(outputs)}
    inputs.save(parts, {"metrics": cost})
    checkpointer.discard()
    return model


def _unlearn_and_store(
    inputs: UnlearnInputs[FinalStep], row: Row, candidate: Candidate
) -> nn.Module:
    unlearned = unlearn(inputs, row, candidate)
    model, status, message = unlearned.model, unlearned.status, unlearned.message
    outputs = _outputs(model, _splits(inputs))
    if not _is_finite(outputs):
        status, message = "diverged", "outputs are not finite; evaluated at the original's weights"
        model = inputs.original
        outputs = _outputs(model, _splits(inputs))
    result = StepResult(
        status=status,
        message=message,
        metrics=cost_of(inputs, unlearned),
        params=candidate.params,
        candidate=candidate.number,
    )
    parts = outputs_to_arrays(outputs)
    if inputs.step.execution.keeps_weights:
        parts |= {WEIGHTS: weights_to_arrays(model)}
    inputs.save(parts, asdict(result))
    return model


def _checkpointer(inputs: _Training) -> StepCheckpointer:
    return StepCheckpointer(inputs.cache.store.checkpoints, inputs.step)


@phase("training")
def _trained(inputs: _Training, split: Split, checkpointer: StepCheckpointer) -> nn.Module:
    model = inputs.new_model()
    try:
        train(model, split, inputs.step.training.recipe, inputs.seed, checkpointer)
    except Diverged as error:
        checkpointer.discard()
        # A method may diverge and be a result; without its references nothing can be measured.
        raise RuntimeError(f"the training recipe diverged: {error}") from error
    return model


def _evaluated(model: nn.Module, splits: Mapping[str, Split]) -> dict[str, Outputs]:
    """Outputs of a reference, which must be finite."""
    outputs = _outputs(model, splits)
    if not _is_finite(outputs):
        raise RuntimeError("the trained model's outputs are not finite; change the recipe")
    return outputs


@phase("evaluation")
def _outputs(model: nn.Module, splits: Mapping[str, Split]) -> dict[str, Outputs]:
    return evaluate(model, splits)


def _splits(inputs: RetrainInputs | Unlearning) -> dict[str, Split]:
    """The splits that a model is evaluated on: D_f, D_r and the held-out ones."""
    return {"forget": inputs.forget, "retain": inputs.retain, **inputs.holdout_splits}


def _sized(result: StepResult, inputs: RetrainInputs | Unlearning) -> StepResult:
    return replace(
        result,
        forget_hash=forget_hash(inputs.forget.ids),
        n_forget=len(inputs.forget),
        n_retain=len(inputs.retain),
    )


def _overlap(share: float | None) -> tuple[str, ...]:
    """A flag where search and final forget sets of one share may share examples."""
    return ("search_overlap",) if share and search_overlap(share, share) else ()


def _is_finite(outputs: Mapping[str, Outputs]) -> bool:
    return all(bool(np.isfinite(o.logits).all()) for o in outputs.values())
