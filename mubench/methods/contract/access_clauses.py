"""Clauses about conduct: what a method may read, draw from and touch."""

from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from mubench.errors import ContractError, Diverged, UndeclaredError
from mubench.methods.base import ForgetTask
from mubench.methods.contract import global_state
from mubench.methods.contract.case import Case, require
from mubench.methods.contract.samples import samples
from mubench.methods.contract.toy_world import same, weights

WITHHELD = {
    "forget": "D_f",
    "forget_labels": "D_f's labels",
    "retain": "D_r",
    "validation": "D_val",
    "initial_weights": "the initial weights",
}


def reads_only_declared_needs(case: Case) -> None:
    """What it does not declare can change nothing, by whatever way the method gets there."""
    if isinstance(case.first, UndeclaredError):
        raise ContractError(f"{case.first}; add it there and to the card, or do not use it")
    needs = case.type.needs
    withheld = WITHHELD.keys() - needs
    if "forget" not in needs:
        withheld.discard("forget_labels")  # they are altered with D_f
    if isinstance(case.first, BaseException) and "forget_labels" in withheld:
        _require_no_labels(case)
    expected = weights(case.found.model)
    case.require_repeatable()
    for part in sorted(withheld):
        try:
            found = case.run(task=case.request.task(altered=part))
        except Exception:  # noqa: BLE001  whatever it is, it was not there before
            raise _undeclared(part) from None
        if not same(weights(found.model), expected):
            raise _undeclared(part)


def teacher_is_unchanged(case: Case) -> None:
    """The network that it learns from stays the original, and is a network of its own."""
    if isinstance(case.first, ContractError) and "teacher" in case.type.needs:
        raise ContractError(f"{case.first}; the optimizer must hold the model's parameters")
    _ = case.found
    require(
        not case.watched.has_shared_networks,
        "a second network shares all parameters of the first, so it is trained too: use "
        "`task.teacher`, or copy.deepcopy",
    )
    apart = case.watched.divergences
    require(
        len(apart) < 2 or max(apart) > 1e-6,
        "every divergence between teacher and model is 0: they are the same network; use "
        "`task.teacher`, or copy.deepcopy",
    )


def kl_div_argument_order(case: Case) -> str | None:
    """`kl_div` gets the model's log-probabilities, then the teacher's probabilities."""
    if isinstance(case.first, BaseException):
        _ = case.found  # skips; not where it diverges: a wrong divergence may be why
    if case.watched.mistakes:
        raise ContractError(case.watched.mistakes[0])
    return None if case.watched.divergences else "it does not call kl_div"


def original_is_unchanged(case: Case) -> None:
    """Weights, buffers, mode and gradients of the model it was given stay; nothing is shared."""
    _ = case.found
    original = case.request.original()
    before = weights(original)
    model = case.run(original=original).model
    require(
        same(weights(original), before),
        "the original is changed: change only the model that `unlearn` is given",
    )
    require(
        not original.training
        and all(p.requires_grad and p.grad is None for p in original.parameters()),
        "the original is left with gradients, frozen, or in training mode",
    )
    theirs = {value.data_ptr() for value in original.state_dict().values()}
    require(
        not theirs & {value.data_ptr() for value in model.state_dict().values()},
        "the unlearned model shares storage with the original: copy with clone() or copy.deepcopy",
    )


def data_are_unchanged(case: Case) -> None:
    """Inputs and labels of all splits stay."""
    _ = case.found
    task, pristine = case.request.task(), case.request.task()
    case.run(task=task)
    for name in task.splits:
        require(
            same(_examples(task, name), _examples(pristine, name)),
            f"the examples of '{name}' are changed in place: clone what you change",
        )


def same_seed_gives_same_weights(case: Case) -> None:
    """Nothing but its seed decides."""
    require(
        same(weights(case.found.model), weights(case.run().model)),
        "the same seed gives other weights: draw through task.loader and task.generator alone",
    )


def global_state_is_unchanged(case: Case) -> None:
    """No global generator is read or moved, and torch's global settings stay."""
    expected = weights(case.found.model)
    case.require_repeatable()
    with global_state.kept():
        global_state.move_generators()
        before = global_state.state()
        model = case.method.run(case.request.original(), case.request.task()).model
        moved = [name for name, value in global_state.state().items() if value != before[name]]
    require(
        not moved,
        f"it changes {', '.join(moved)}: draw through task.loader and task.generator alone",
    )
    require(
        same(weights(model), expected),
        "it reads a global generator: draw through task.loader and task.generator alone",
    )


def prepare_leaves_model_unchanged(case: Case) -> str | None:
    """`prepare` looks at the model and leaves its weights and buffers."""
    _ = case.found
    if not case.method.prepares:
        return "the method has no `prepare`"
    model = case.request.original()
    case.method.prepare(model, case.request.task().declared(case.type.needs))
    require(
        same(weights(model), weights(case.request.original())),
        "prepare changes the model: work on copy.deepcopy(model), or in eval() mode",
    )
    return None


def prepared_tensors_are_reusable(case: Case) -> str | None:
    """What `prepare` returns is stored and used by many trials, none of which may change it."""
    if not isinstance(case.first, ContractError):  # `prepare` may be what breaks it
        _ = case.found
    if not case.method.prepares:
        return "the method has no `prepare`"
    request = case.request
    prepared = case.method.run_prepare(request.original(), request.task())
    value, expected = prepared.value, weights(case.found.model)
    try:
        stored = {name: torch.tensor(tensor.cpu().numpy()) for name, tensor in value.items()}
    except (RuntimeError, TypeError) as error:
        raise ContractError(f"what prepare returns cannot be stored: {error}") from error
    case.run(prepared=prepared)
    require(
        same(value, stored), "unlearn changes in place what prepare returned: clone what you change"
    )
    again = case.run(prepared=replace(prepared, value=stored))
    require(
        same(weights(again.model), expected),
        "with what prepare returned, stored and read again, unlearn gives other weights",
    )
    return None


def prepare_params_are_complete(case: Case) -> str | None:
    """Trials that differ only in what `prepare_params` leaves out share one prepared value."""
    _ = case.found
    if not case.method.prepares:
        require(
            not case.type.prepare_params, "prepare_params: the method has no `prepare`; remove them"
        )
        return "the method has no `prepare`"
    drawn = [values | case.quick for values in samples(case.card.space, 3)]
    read = set().union(*(read_by_prepare(case, v) for v in [case.settings, *drawn]))
    missing = sorted(read - set(case.type.prepare_params))
    require(
        not missing,
        f"prepare reads {', '.join(missing)}: name them in `prepare_params`, or read them in "
        "`unlearn`",
    )
    return None


def read_by_prepare(case: Case, settings: dict[str, Any]) -> set[str]:
    """The hyperparameters that `prepare` reads under some settings."""
    names = {f.name for f in fields(case.type)}
    read: set[str] = set()

    def look(self: object, key: str) -> Any:
        if key in names:
            read.add(key)
        return object.__getattribute__(self, key)

    watched = type(case.type.__name__, (case.type,), {"__getattribute__": look})(**settings)
    read.clear()  # a check of the settings reads them too
    with suppress(Diverged):
        watched.prepare(case.request.original(), case.request.task().declared(case.type.needs))
    return read


def _require_no_labels(case: Case) -> None:
    """Whether it fails for want of D_f's labels: with them it would run."""
    needs = case.type.needs | {"forget_labels"}
    declaring = type(case.type.__name__, (case.type,), {"needs": needs})
    try:
        declaring(**case.settings).run(case.request.original(), case.request.task())
    except Exception:  # noqa: BLE001  then it fails for another reason
        return
    raise _undeclared("forget_labels")


def _undeclared(part: str) -> ContractError:
    return ContractError(
        f"the result depends on {WITHHELD[part]}: add '{part}' to `needs` in class and card, or do "
        "not use it"
    )


def _examples(task: ForgetTask, name: Any) -> dict[str, Tensor]:
    batch = task.splits[name].take(torch.arange(len(task.splits[name])))
    inputs = batch.inputs if isinstance(batch.inputs, dict) else {"inputs": batch.inputs}
    return {**inputs, "labels": batch.labels}
