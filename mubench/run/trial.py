"""Run one step in this process and return its record: where all parts meet. No Ray here."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from torch import nn

from mubench.catalogue.ids import content_id
from mubench.catalogue.registry import make_method
from mubench.catalogue.search_space import Scalar
from mubench.catalogue.seeds import derive_seed
from mubench.data.forget_sets import forget_hash
from mubench.data.scenario import search_overlap
from mubench.data.split import Split
from mubench.errors import Diverged, Refused, TimedOut
from mubench.methods.base import ForgetTask, Method, SplitName, Unlearned
from mubench.metrics.accuracy import accuracy
from mubench.metrics.objective import objective_gap, retrain_free_gap
from mubench.metrics.outputs import Outputs
from mubench.metrics.score import score
from mubench.models.training.time_limit import time_limit
from mubench.run.diagnostics import diagnose
from mubench.run.references import (
    SPLIT_HASH,
    WEIGHTS,
    evaluate,
    outputs_to_arrays,
    read_outputs,
    train,
    weights_to_arrays,
)
from mubench.run.step_result import Outcome, failed, make_record
from mubench.run.workspace import Workspace, evaluated, require_request, scored_parts
from mubench.store.record import WORST, Record
from mubench.sweep.plan import ORIGINAL, Step


@dataclass(frozen=True)
class Choice:
    """Hyperparameters chosen for a search or tuned step, and the candidate that they come from."""

    params: Mapping[str, Scalar]
    candidate: int


def run_step(step: Step, workspace: Workspace, choice: Choice | None = None) -> Record:
    """Run a step; whatever goes wrong becomes the record's status."""
    choice = choice or Choice(step.params, step.candidate)
    began = time.perf_counter()
    try:
        with time_limit(step.limit_seconds):
            workspace.configure(step)
            outcome = _run(step, workspace, choice)
    except Refused as error:
        outcome = Outcome(status="refused", message=str(error))
    except TimedOut as error:
        outcome = failed("timed_out", error)
    except (torch.OutOfMemoryError, MemoryError) as error:
        outcome = failed("out_of_memory", error)
    except Exception as error:  # noqa: BLE001  a plug-in may raise anything: a failure is a row
        outcome = failed("error", error)
    if step.kind == "search" and outcome.status != "ok":
        outcome = replace(outcome, metrics={**outcome.metrics, "objective": WORST, "gap": WORST})
    if not outcome.params:
        outcome = replace(outcome, params=choice.params, candidate=choice.candidate)
    return make_record(step, outcome, time.perf_counter() - began)


def _run(step: Step, workspace: Workspace, choice: Choice) -> Outcome:
    if step.kind == "train":
        return _train(step, workspace)
    if step.kind == "retrain":
        return _retrain(step, workspace)
    if step.kind == "search":
        return _search(step, workspace, choice)
    return _final(step, workspace, choice)


def _train(step: Step, workspace: Workspace) -> Outcome:
    """Train the original; store its weights and its outputs on D_tr and the held-out splits."""
    artefacts, view = workspace.store.artefacts, workspace.view(step)
    if not artefacts.has_whole(step.unlearn_id):
        split = workspace.train_split(step)
        model = _trained(step, workspace, split)
        outputs = evaluate(model, {"train": split, **workspace.held_out(step)})
        _require_finite(outputs)
        parts = {WEIGHTS: weights_to_arrays(model), **outputs_to_arrays(outputs)}
        about = {SPLIT_HASH: forget_hash(split.ids)}
        artefacts.save(step.unlearn_id, parts, about)
    metrics = {
        f"{part}_accuracy": accuracy(read_outputs(view, step.unlearn_id, part))
        for part in ("train", "validation")
    }
    return Outcome(metrics=metrics)


def _retrain(step: Step, workspace: Workspace) -> Outcome:
    """Train on D_r alone; store and score its outputs, against the anchor if there is one."""
    artefacts, view = workspace.store.artefacts, workspace.view(step)
    forget, retain = workspace.divided(step)
    if not artefacts.has_whole(step.unlearn_id):
        clock = time.perf_counter(), time.process_time()
        model = _trained(step, workspace, retain)
        wall, cpu = time.perf_counter() - clock[0], time.process_time() - clock[1]
        splits = {"forget": forget, "retain": retain, **workspace.held_out(step)}
        outputs = evaluate(model, splits)
        _require_finite(outputs)
        cost = {
            "rte_seconds": cpu if step.device == "cpu" else wall,
            "wall_seconds": wall,
            "forward_examples": step.recipe.epochs * len(retain),
            "backward_examples": step.recipe.epochs * len(retain),
        }
        parts = {WEIGHTS: weights_to_arrays(model), **outputs_to_arrays(outputs)}
        artefacts.save(step.unlearn_id, parts, {"metrics": cost})
    own = evaluated({p: read_outputs(view, step.unlearn_id, p) for p in scored_parts(step)})
    anchor = workspace.retrained(step) if step.retrain_id else None
    classes, groups = workspace.forgotten(step)
    scores = score(own, anchor, forget_classes=classes, forget_groups=groups)
    cost = artefacts.about(step.unlearn_id)["metrics"]
    return _sized(Outcome(metrics={**scores.values, **cost}, flags=scores.flags), forget, retain)


def _search(step: Step, workspace: Workspace, choice: Choice) -> Outcome:
    """Try one candidate on a search request: D_f, D_r and D_val are all there is."""
    unlearned, forget, retain = _unlearn(step, workspace, choice)
    held = workspace.held_out(step)["validation"]
    outputs = evaluate(unlearned.model, {"forget": forget, "retain": retain, "validation": held})
    cost = _cost(step, workspace, unlearned)
    sized = _sized(
        Outcome(metrics=cost, params=choice.params, candidate=choice.candidate), forget, retain
    )
    if unlearned.status == "diverged" or not _is_finite(outputs):
        message = unlearned.message or "outputs are not finite"
        return replace(sized, status="diverged", message=message)
    gone = workspace.forgotten(step)
    if step.objective == "avg_gap":
        value = objective_gap(evaluated(outputs), workspace.retrained_values(step), *gone)
    else:
        value = retrain_free_gap(evaluated(outputs), workspace.original_outputs(step), *gone)
    return replace(sized, metrics={**cost, "objective": value, "gap": value})


def _final(step: Step, workspace: Workspace, choice: Choice) -> Outcome:
    """Run a method on a final request, store its outputs, score them against Retrain."""
    request = require_request(step)
    forget, retain = workspace.divided(step)
    original = workspace.original_outputs(step)
    if step.method == ORIGINAL:
        outcome, own = Outcome(metrics=dict.fromkeys(_FREE, 0.0)), original
    else:
        if not workspace.store.artefacts.has_whole(step.unlearn_id):
            _unlearn_and_store(step, workspace, choice)
        about = workspace.store.artefacts.about(step.unlearn_id)
        outcome = Outcome(**{**about, "flags": tuple(about["flags"])})
        view = workspace.view(step)
        own = evaluated({p: read_outputs(view, step.unlearn_id, p) for p in scored_parts(step)})
    classes, groups = workspace.forgotten(step)
    scores = score(
        own,
        workspace.retrained(step),
        original if step.method != ORIGINAL else None,
        classes,
        forget_groups=groups,
        retrained_values=workspace.retrained_values(step),
    )
    found = diagnose(step, workspace, outcome.params)
    flags = outcome.flags + scores.flags + found.flags
    if request.forget.ratio and search_overlap(request.forget.ratio, request.forget.ratio):
        flags += ("search_overlap",)
    metrics = {**outcome.metrics, **scores.values, **found.metrics}
    return _sized(replace(outcome, metrics=metrics, flags=flags), forget, retain)


def _unlearn_and_store(step: Step, workspace: Workspace, choice: Choice) -> None:
    unlearned, forget, retain = _unlearn(step, workspace, choice)
    splits = {"forget": forget, "retain": retain, **workspace.held_out(step)}
    outputs = evaluate(unlearned.model, splits)
    status, message = unlearned.status, unlearned.message
    if not _is_finite(outputs):
        status, message = "diverged", "outputs are not finite; evaluated at the original's weights"
        outputs = evaluate(workspace.original(step), splits)
    outcome = Outcome(
        status=status,
        message=message,
        metrics=_cost(step, workspace, unlearned),
        params=choice.params,
        candidate=choice.candidate,
    )
    about = asdict(outcome)
    workspace.store.artefacts.save(step.unlearn_id, outputs_to_arrays(outputs), about)


def _unlearn(step: Step, workspace: Workspace, choice: Choice) -> tuple[Unlearned, Split, Split]:
    """Run the step's method on its request; search steps share what `prepare` returned."""
    request = require_request(step)
    forget, retain = workspace.divided(step)
    splits: dict[SplitName, Split] = {
        "forget": forget,
        "retain": retain,
        "validation": workspace.held_out(step)["validation"],
    }
    task = ForgetTask(
        splits=splits,
        num_classes=workspace.dataset(step).num_classes,
        seed=derive_seed("unlearn", step.method, request.name),
        new_model=workspace.model_maker(step),
        precision=step.precision,
    )
    method: Method = make_method(step.method, choice.params)
    original = workspace.original(step)
    prepared = None
    if step.kind == "search" and method.prepares:
        values = [getattr(method, name) for name in method.prepare_params]
        key = content_id("prepared", step.study, request.name, values)
        prepared = workspace.prepared(key, task.device, lambda: method.run_prepare(original, task))
    return method.run(original, task, prepared), forget, retain


_FREE = ("rte_seconds", "wall_seconds", "forward_examples", "backward_examples", "flops")
"""What doing nothing costs."""


def _cost(step: Step, workspace: Workspace, unlearned: Unlearned) -> dict[str, float]:
    cost, (forward, backward) = unlearned.cost, workspace.flops(step)
    return {
        "rte_seconds": cost.rte_seconds,
        "wall_seconds": cost.wall_seconds,
        "prepare_seconds": unlearned.prepare_cost.rte_seconds,
        "forward_examples": cost.forward_examples,
        "backward_examples": cost.backward_examples,
        "flops": forward * cost.forward_examples + backward * cost.backward_examples,
        "peak_mib": cost.peak_mib,
        "weight_change": _weight_change(unlearned.model, workspace.original(step)),
        **unlearned.notes,
    }


def _trained(step: Step, workspace: Workspace, split: Split) -> nn.Module:
    model = workspace.model_maker(step)()
    try:
        train(step, split, model)
    except Diverged as error:
        # A method may diverge and be a result; without its references nothing can be measured.
        raise RuntimeError(f"the training recipe diverged: {error}") from error
    return model


@torch.no_grad()
def _weight_change(unlearned: nn.Module, original: nn.Module) -> float:
    """Norm of theta_u - theta_o over the norm of theta_o, over all parameters."""
    pairs = list(zip(unlearned.parameters(), original.parameters(), strict=True))
    moved = sum(float(((u - o).double() ** 2).sum()) for u, o in pairs)
    norm = sum(float((o.double() ** 2).sum()) for _, o in pairs)
    return float(np.sqrt(moved / norm))


def _sized(outcome: Outcome, forget: Split, retain: Split) -> Outcome:
    return replace(
        outcome,
        forget_hash=forget_hash(forget.ids),
        n_forget=len(forget),
        n_retain=len(retain),
    )


def _is_finite(outputs: Mapping[str, Outputs]) -> bool:
    return all(bool(np.isfinite(o.logits).all()) for o in outputs.values())


def _require_finite(outputs: Mapping[str, Outputs]) -> None:
    if not _is_finite(outputs):
        raise RuntimeError("the trained model's outputs are not finite; change the recipe")
