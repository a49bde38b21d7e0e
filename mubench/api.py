"""Functions for your own training code: unlearn, evaluate, theorem2."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from mubench.catalogue import cards
from mubench.catalogue.card_schema import MethodCard
from mubench.catalogue.registry import make_method
from mubench.catalogue.seeds import derive_seed
from mubench.data.cache.progress_bar import counting
from mubench.data.split import Inputs, Split
from mubench.data.user_data import Duplicates, Name, UserData, to_splits
from mubench.errors import Diverged, InputError, Refused, did_you_mean
from mubench.methods.base import ForgetTask, SplitName
from mubench.methods.shared.theorem2 import diagnose
from mubench.metrics.outputs import Evaluated
from mubench.metrics.score import score
from mubench.metrics.theory import Theorem2
from mubench.models.any_classifier import (
    AnyClassifier,
    are_probabilities,
    family_of,
    find_logits,
    no_logits,
)
from mubench.run.references import evaluate as outputs_of
from mubench.sweep.diagnostics import Theorem2Spec


def unlearn(  # noqa: PLR0913  three of them are the data
    model: nn.Module,
    *,
    forget: UserData,
    retain: UserData,
    method: str,
    validation: UserData | None = None,
    initial: nn.Module | None = None,
    duplicates: Duplicates = "refuse",
    seed: int = 0,
    **params: Any,
) -> nn.Module:
    """Return an unlearned copy of `model`; the model itself is never changed.

    Args:
        model: a classifier that was trained on `forget` and `retain` together: inputs to logits,
            which may be in a tuple, a dict or an object with `logits`. Texts are dicts of tensors;
            they go by name to a model whose arguments have these names. What it has frozen stays.
        forget: D_f: `(inputs, labels)` as tensors or arrays, a torch Dataset, a DataLoader, or
            anything else that gives batches. Examples are pairs, or dicts with a key such as
            `label`. They are read once, so leave out random augmentation.
        retain: D_r, likewise.
        method: a name of `mubench list methods`, such as `ugradsl`.
        validation: D_val, for methods that need it.
        initial: the model with the weights that training began with, for methods that need them.
        duplicates: `keep` allows examples that are in two of the sets; else they are refused, as
            most are mistakes.
        seed: decides every random draw.
        **params: the method's hyperparameters; those left out keep the defaults of its card.

    Raises:
        InputError: an unknown method or hyperparameter, data of a wrong kind, or an example in
            two of the sets.
        Refused: the method cannot treat this model or these data, as in a sweep. A request is
            class-wise where no label of `forget` occurs in `retain`.
        Diverged: the method left the finite numbers.
    """
    _require_given(model, {"forget": forget, "retain": retain})
    if not isinstance(method, str):
        raise InputError(f"method: a name is needed; got {type(method).__name__}")
    card = cards.method(method, "method")
    for name in params:
        if name not in card.space.defaults:
            hint = did_you_mean(name, card.space.defaults)
            raise InputError(f"unlearn: {method} has no hyperparameter '{name}'; {hint}")
    for need, name, given, what in (
        ("validation", "validation", validation, "held-out examples"),
        ("initial_weights", "initial", initial, "the model that training began with"),
    ):
        if given is None and need in card.needs:
            raise InputError(f"unlearn: {method} needs {name}=, {what}")

    _require_trainable(model)
    chosen = make_method(method, {**card.space.defaults, **params})
    device = _device_of(model)
    with _draws(seed, device), torch.enable_grad():
        sets: dict[SplitName, UserData | None] = {
            "forget": forget,
            "retain": retain,
            "validation": validation,
        }
        splits = to_splits(device, sets, _dtype_of(model), duplicates)
        _require_fitting_bytes(model, splits)
        network = as_classifier(model, splits)

        def initial_model() -> nn.Module:
            assert initial is not None  # only methods that declare it may ask
            return AnyClassifier(copy.deepcopy(initial), network.num_classes)

        task = ForgetTask(
            splits=splits,
            num_classes=network.num_classes,
            seed=seed,
            new_model=initial_model,
        )
        kinds = _kind_of(model, splits["forget"], splits["retain"])
        reason = card.refusal(*kinds, family_of(model))
        if reason is not None:
            raise Refused(f"{method}: {reason}")
        with counting(lambda: task.meter.forward_examples, _work(card, task, params), method):
            result = chosen.run(network, task)
    if result.status == "diverged":
        raise Diverged(f"{method}: {result.message}")
    unlearned: nn.Module = result.model.network
    return unlearned


def evaluate(  # noqa: PLR0913  three of them are the data
    model: nn.Module,
    retrained: nn.Module | None = None,
    *,
    forget: UserData,
    retain: UserData,
    test: UserData,
    original: nn.Module | None = None,
    forget_classes: tuple[int, ...] = (),
    duplicates: Duplicates = "refuse",
) -> dict[str, float]:
    """Every metric of `model`; with `retrained` also the gap and the distances to it.

    Accuracies and rates are fractions in [0, 1]. In class-wise forgetting name `forget_classes`, so
    that TA and MIA look at the retained classes only. Data and `duplicates` as for `unlearn`.

    Raises:
        InputError: data of a wrong kind, or an example in two of the sets.
    """
    sets = {"forget": forget, "retain": retain, "test": test}
    _require_given(model, sets)
    device = _device_of(model)
    with _draws(0, device):
        splits = to_splits(device, sets, _dtype_of(model), duplicates)
    _require_fitting_bytes(model, splits)

    def evaluated(network: nn.Module | None) -> Evaluated | None:
        if network is None:
            return None
        classifier = as_classifier(copy.deepcopy(network).to(device), splits)
        outputs = outputs_of(classifier, splits)
        return Evaluated(outputs["forget"], outputs["retain"], outputs["test"])

    outputs = evaluated(model)
    assert outputs is not None
    values = score(outputs, evaluated(retrained), evaluated(original), forget_classes).values
    return dict(values)


def theorem2(  # noqa: PLR0913  four of them are the solver's
    model: nn.Module,
    *,
    forget: UserData,
    retain: UserData,
    preconditioner: Literal["gauss_newton", "identity"] = "gauss_newton",
    damping: float = 1e-2,
    subset: int = 2048,
    iterations: int = 50,
    duplicates: Duplicates = "refuse",
) -> Theorem2:
    """Whether negative label smoothing would bring gradient ascent nearer to Retrain, and how far.

    UGradSL's Theorem 2 to first order around `model`, which is never changed: the cosine of its two
    displacements, the best smoothing rate, the distances without and with it. A diagnostic, no
    evidence of unlearning; what it compares and what it costs: `mubench.methods.shared.theorem2`.

    Args:
        model: a classifier that was trained on `forget` and `retain` together: inputs to logits.
        forget: D_f, as for `unlearn`.
        retain: D_r, likewise.
        preconditioner: `identity` compares gradients in place of weights: cheap, and rarely right.
        damping: added to the curvature, above 0.
        subset: at most this many examples of D_r give the curvature.
        iterations: most steps of a solve; the result's `residual` says whether they were enough.
        duplicates: as for `unlearn`.

    Raises:
        InputError: data of a wrong kind, or an example in both sets.
        ValueError: a displacement is zero, as where the training loss is stationary.
        Diverged: a gradient is not finite.

    >>> model = torch.nn.Linear(2, 2).requires_grad_(True)
    >>> with torch.no_grad():
    ...     _ = model.weight.copy_(torch.eye(2)), model.bias.zero_()
    >>> inputs, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1, 0])
    >>> result = theorem2(model, forget=(inputs[:1], labels[:1]), retain=(inputs[1:], labels[1:]))
    >>> result.negative_smoothing_helps, result.residual < 1e-4
    (False, True)
    """
    try:
        asked = Theorem2Spec(
            preconditioner=preconditioner, damping=damping, subset=subset, iterations=iterations
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"theorem2: {first['loc'][0]}: {first['msg']}; got {first['input']!r}"
        ) from None
    _require_trainable(model)
    device = _device_of(model)
    with _draws(0, device):
        sets = {"forget": forget, "retain": retain}
        splits = to_splits(device, sets, _dtype_of(model), duplicates)
    _require_fitting_bytes(model, splits)
    network = as_classifier(copy.deepcopy(model), splits).eval()
    return diagnose(network, splits["forget"], splits["retain"], **asked.model_dump())


def _kind_of(model: nn.Module, forget: Split, retain: Split) -> tuple[str, str]:
    """Scenario and modality of a request, as cards name them."""
    is_classwise = not bool(torch.isin(forget.labels, retain.labels).any())
    modality = _modality_of(model, forget.take(torch.arange(1)).inputs)
    return "class" if is_classwise else "random", modality


def _modality_of(model: nn.Module, inputs: Inputs) -> str:
    """Texts are dicts, or token ids (n, length) int64 or int32; else (n, D) are rows of a table.

    Rows for a model with convolutions are images, which it unfolds.
    """
    if isinstance(inputs, dict):
        return "text"
    if inputs.ndim != 2 or any(isinstance(module, nn.Conv2d) for module in model.modules()):
        return "image"
    return "text" if inputs.dtype in (torch.int64, torch.int32) else "table"


def _device_of(model: nn.Module) -> torch.device:
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def _work(card: MethodCard, task: ForgetTask, params: Mapping[str, Any]) -> int:
    """Examples that the method will send forward, as its card counts them."""
    sizes = {f"n_{name[0]}": len(split) for name, split in task.splits.items()}
    values = {**card.space.defaults, **params, "n_v": 0, **sizes, "K": task.num_classes}
    return round(card.examples("forward", values))


def _dtype_of(model: nn.Module) -> torch.dtype | None:
    """That of the weights; None where there are none to be like."""
    dtypes = (each.dtype for each in model.parameters() if each.is_floating_point())
    return next(dtypes, None)


@torch.no_grad()
def _require_fitting_bytes(model: nn.Module, splits: Mapping[Any, Split]) -> None:
    """Refuse images of bytes, unless the model itself makes fractions of them."""
    for name, split in splits.items():
        inputs = split.take(torch.arange(1)).inputs
        if isinstance(inputs, Tensor) and inputs.dtype == torch.uint8:
            try:
                copy.deepcopy(model).eval()(inputs)
            except (RuntimeError, TypeError, ValueError):
                shape = tuple(inputs.shape[1:])
                raise InputError(
                    f"{name}: inputs are uint8 of shape {shape}, which the model cannot take; "
                    "give them as in training: fractions, scaled and normalised"
                ) from None


def _require_given(model: Any, sets: Mapping[str, UserData | None]) -> None:
    if not isinstance(model, nn.Module):
        got = model.__name__ if isinstance(model, type) else type(model).__name__
        raise InputError(f"model: a trained nn.Module is needed; got {got}")
    for name, data in sets.items():
        if data is None:
            raise InputError(f"{name}: no data, got None; it is needed")


def _require_trainable(model: nn.Module) -> None:
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise InputError(f"{type(model).__name__} has no parameter that can be trained")


@contextmanager
def _draws(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's generators, from which layers such as dropout and data loaders draw.

    Their state is restored afterwards.
    """
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(derive_seed("layers", seed))
        yield


@torch.no_grad()
def as_classifier(model: nn.Module, splits: Mapping[Name, Split]) -> AnyClassifier:
    """The model as methods take it: a tensor of logits, and a last layer that is found.

    K is the length of its logits, asked of a copy in `eval()` mode.

    Raises:
        InputError: it cannot take the inputs; gives no logits, probabilities, or values that are
            not finite; or a label is not below K.
    """
    first = next(iter(splits.values()))
    inputs = first.take(torch.arange(min(len(first), _ASKED))).inputs
    asked = AnyClassifier(copy.deepcopy(model), num_classes=0).eval()
    try:
        output = asked.call(inputs)
    except torch.cuda.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"model {asked.name}: cannot take {_shown(inputs)}: {why}") from error
    logits = find_logits(output)
    if logits is None:
        raise no_logits(asked.name, output)
    if not bool(logits.isfinite().all()):
        raise InputError(
            f"model {asked.name}: its logits are not finite: its weights, or what it is given, "
            "are not those of a trained model"
        )
    if are_probabilities(logits):
        raise InputError(
            f"model {asked.name}: gives probabilities, not logits; leave out a softmax"
        )
    for name, split in splits.items():
        low, high = (int(end) for end in split.labels.aminmax())
        if low < 0 or high >= logits.shape[1]:
            raise InputError(
                f"{name}: labels from {low} to {high}, but the model has {logits.shape[1]} classes"
            )
    classifier = AnyClassifier(model, logits.shape[1])
    classifier.learn(output)
    return classifier


def _shown(inputs: Inputs) -> str:
    """What a batch consists of, in words."""
    named = inputs if isinstance(inputs, dict) else {"inputs": inputs}
    each = (f"{n} {tuple(v.shape)} of {v.dtype}" for n, v in named.items())
    return ", ".join(each).replace("torch.", "")


_ASKED = 16
"""Examples that a model is asked about to learn what it gives."""
