"""Clauses about runs: their results, and the requests that a method must accept."""

import copy
import pickle
from dataclasses import FrozenInstanceError, replace

import torch
from torch import nn

from mubench.errors import ContractError, Refused
from mubench.methods.contract.case import Case, require
from mubench.methods.contract.cpu_limit import OutOfTime


def completes_on_toy_data(case: Case) -> None:
    """On blobs, with few epochs: 16 examples to forget, 32 to retain."""
    if isinstance(case.first_run, Refused):
        raise ContractError(
            f"it refuses, but its card does not: {case.first_run}; add it to `refuses`"
        )
    if isinstance(case.first_run, OutOfTime):
        _ = case.completed  # skips: `ends_in_time` tells it
    if isinstance(case.first_run, BaseException):
        raise ContractError(case.error_text(case.first_run))
    require(
        case.first_run.status == "ok", f"it diverges with quick settings: {case.first_run.message}"
    )


def parameters_change(case: Case) -> None:
    """Parameters change; moved buffers alone, such as BatchNorm's, are no unlearning."""
    pairs = zip(
        case.completed.model.parameters(), case.request.original().parameters(), strict=True
    )
    require(
        any(not torch.equal(ours, theirs) for ours, theirs in pairs),
        "no parameter changed: does the optimizer hold the model's parameters, and does the loss "
        "depend on them?",
    )


def architecture_is_unchanged(case: Case) -> None:
    """Modules, parameters and buffers are those of the original, of the same classes and shapes."""
    original, model = case.request.original(), case.completed.model
    require(
        _modules(model) == _modules(original) and _shapes(model) == _shapes(original),
        "modules or shapes differ from the original's: restore what you replace",
    )


def state_dict_is_complete(case: Case) -> None:
    """The original with these weights and buffers gives the same outputs: they are the model."""
    fresh, model = case.request.original(), case.completed.model
    fresh.load_state_dict(model.state_dict())
    inputs = case.request.task().retain.take(torch.arange(8)).inputs
    with torch.no_grad():
        is_same = torch.equal(model(inputs), fresh(inputs))
    require(
        is_same,
        "an original with the same weights and buffers gives other outputs: change nothing but "
        "weights, neither settings of layers nor `forward`",
    )


def device_and_dtype_are_unchanged(case: Case) -> None:
    """Weights stay where and what they are: in double and mixed precision, and on a GPU."""
    wanted = {
        "in float64": replace(case.request, dtype=torch.float64),
        "with bfloat16 autocast": replace(case.request, precision="bfloat16"),
    }
    if torch.cuda.is_available():
        wanted["on a GPU"] = replace(case.request, device="cuda")
    models = {what: case.attempt(request, what).model for what, request in wanted.items()}
    for what, model in {"in float32": case.completed.model, **models}.items():
        request = wanted.get(what, case.request)
        require(
            _kinds(model) == _kinds(request.original()),
            f"{what}, the returned weights have another dtype or device",
        )


def no_hooks_or_frozen_parameters(case: Case) -> None:
    """The model can be trained on and evaluated as the original can."""
    model = case.completed.model
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    require(not frozen, f"requires_grad is still off: {', '.join(frozen)}; turn it on again")
    for name, module in model.named_modules():
        forward = (module._forward_hooks, module._forward_pre_hooks)
        hooks = (*forward, module._backward_hooks, module._backward_pre_hooks)
        where = name or type(module).__name__
        require(not any(hooks), f"{where} is left with a hook: remove() its handle")
    hooked = [
        name
        for name, p in model.named_parameters()
        if p._backward_hooks or getattr(p, "_post_accumulate_grad_hooks", None)
    ]
    require(not hooked, f"{', '.join(hooked)}: left with a hook: remove() its handle")


def method_is_frozen_and_picklable(case: Case) -> None:
    """It is sent to workers, and its settings are what the record says."""
    _ = case.completed
    try:
        copy.copy(case.method).needs = frozenset()  # type: ignore[misc]
    except FrozenInstanceError:
        pass
    else:
        raise ContractError("its settings are mutable: use @dataclass(frozen=True, kw_only=True)")
    try:
        again = pickle.loads(pickle.dumps(case.method))  # noqa: S301  our own bytes
    except Exception as error:
        raise ContractError(f"it cannot be pickled: {case.error_text(error)}") from error
    require(again == case.method, "after pickling it is different: keep all state in its fields")


def accepts_partial_last_batch(case: Case) -> None:
    """Batches need not divide D_f or D_r."""
    request = replace(case.request, n_forget=17, n_retain=33)
    case.attempt(request, "with 17 forget and 33 retain examples")


def accepts_single_forget_example(case: Case) -> None:
    """D_f may be one example."""
    case.attempt(replace(case.request, n_forget=1), "with one forget example")


def accepts_dict_inputs(case: Case) -> str | None:
    """Texts come as a dict of tensors."""
    refused = sorted(case.card.refuses.keys() & {"text", "transformer"})
    if refused:
        return f"its card refuses {' and '.join(refused)}"
    case.attempt(replace(case.request, modality="text"), "with dict inputs")
    return None


def accepts_table_inputs(case: Case) -> str | None:
    """Rows of a table come as a tensor (b, D), and the model has no convolution."""
    refused = sorted(case.card.refuses.keys() & {"table", "mlp"})
    if refused:
        return f"its card refuses {' and '.join(refused)}"
    case.attempt(replace(case.request, modality="table"), "with rows of a table")
    return None


def reports_divergence_on_nan(case: Case) -> str | None:
    """Inputs that are not numbers end in `diverged`, with a reason and finite weights."""
    if case.completed.cost.forward_examples == 0:
        return "no input goes through a model"
    if case.request.modality == "text":
        return "token inputs are integers, which cannot be NaN"
    try:
        result = case.run(replace(case.request, nan_every=1))
    except Exception as error:
        raise ContractError(
            f"{case.error_text(error)}; raise errors.Diverged, or leave it to `descend`"
        ) from error
    require(
        result.status == "diverged" and result.message,
        "NaN inputs are not reported: raise errors.Diverged, or leave it to `descend`",
    )
    return None


def _modules(model: nn.Module) -> list[tuple[str, type[nn.Module]]]:
    return [(name, type(module)) for name, module in model.named_modules()]


def _shapes(model: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in model.state_dict().items()}


def _kinds(model: nn.Module) -> dict[str, tuple[torch.dtype, torch.device]]:
    return {name: (value.dtype, value.device) for name, value in model.state_dict().items()}
