"""Clauses about access: what a method may read, draw from and change."""

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
    """Data that the method does not declare have no effect on its result."""
    if isinstance(case.first_run, UndeclaredError):
        raise ContractError(f"{case.first_run}; add it there and to the card, or do not use it")
    needs = case.type.needs
    withheld = WITHHELD.keys() - needs
    if "forget" not in needs:
        withheld.discard("forget_labels")  # they are altered with D_f
    if isinstance(case.first_run, Exception) and "forget_labels" in withheld:
        _require_no_labels(case)
    expected = weights(case.completed.model)
    case.require_repeatable()
    for part in sorted(withheld):
        try:
            result = case.run(task=case.request.task(altered=part))
        except Exception as error:
            raise _breach_of_error(case, part, error) from error
        if not same(weights(result.model), expected):
            raise _undeclared(part)


def teacher_is_unchanged(case: Case) -> None:
    """The teacher stays the original, and is a separate network."""
    if isinstance(case.first_run, ContractError) and "teacher" in case.type.needs:
        raise ContractError(f"{case.first_run}; the optimizer must hold the model's parameters")
    _ = case.completed
    require(
        not case.watched.has_shared_networks,
        "a second network shares all parameters of the first, so it is trained too: use "
        "`task.teacher`, or copy.deepcopy",
    )
    divergences = case.watched.divergences
    require(
        len(divergences) < 2 or max(divergences) > 1e-6,
        "every divergence between teacher and model is 0: they are the same network; use "
        "`task.teacher`, or copy.deepcopy",
    )


def kl_div_argument_order(case: Case) -> str | None:
    """`kl_div` gets the model's log-probabilities, then the teacher's probabilities."""
    if isinstance(case.first_run, BaseException):
        _ = case.completed  # skips; not where it diverges: a wrong divergence may be why
    if case.watched.mistakes:
        raise ContractError(case.watched.mistakes[0])
    return None if case.watched.divergences else "it does not call kl_div"


def original_is_unchanged(case: Case) -> None:
    """Weights, buffers, mode and gradients of the given model stay; no storage is shared."""
    _ = case.completed
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
    original_storage = {value.data_ptr() for value in original.state_dict().values()}
    require(
        not original_storage & {value.data_ptr() for value in model.state_dict().values()},
        "the unlearned model shares storage with the original: copy with clone() or copy.deepcopy",
    )


def data_are_unchanged(case: Case) -> None:
    """Inputs and labels of all splits stay unchanged."""
    _ = case.completed
    task, pristine = case.request.task(), case.request.task()
    case.run(task=task)
    for name in task.splits:
        require(
            same(_examples(task, name), _examples(pristine, name)),
            f"the examples of '{name}' are changed in place: clone what you change",
        )


def same_seed_gives_same_weights(case: Case) -> None:
    """The seed alone decides the result."""
    require(
        same(weights(case.completed.model), weights(case.run().model)),
        "the same seed gives other weights: draw through task.loader and task.generator alone",
    )


def global_state_is_unchanged(case: Case) -> None:
    """No global generator is read or moved, and torch's global settings stay."""
    expected = weights(case.completed.model)
    case.require_repeatable()
    with global_state.restored():
        global_state.move_generators()
        before = global_state.state()
        with case.named("with other states of the global generators"):
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
    _ = case.completed
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
    """The tensors of `prepare` are shared by many trials, none of which may change them."""
    if not isinstance(case.first_run, ContractError):  # `prepare` may be what breaks it
        _ = case.completed
    if not case.method.prepares:
        return "the method has no `prepare`"
    request = case.request
    prepared = case.method.run_prepare(request.original(), request.task())
    value, expected = prepared.value, weights(case.completed.model)
    try:
        stored = {
            name: torch.tensor(tensor.cpu().numpy(), device=tensor.device)
            for name, tensor in value.items()
        }
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
    """Trials whose `prepare_params` are equal share one prepared value."""
    _ = case.completed
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

    def record(self: object, key: str) -> Any:
        if key in names:
            read.add(key)
        return object.__getattribute__(self, key)

    watched = type(case.type.__name__, (case.type,), {"__getattribute__": record})(**settings)
    read.clear()  # a check of the settings reads them too
    with suppress(Diverged):
        watched.prepare(case.request.original(), case.request.task().declared(case.type.needs))
    return read


def _require_no_labels(case: Case) -> None:
    """Raise if the method fails only without D_f's labels."""
    needs = case.type.needs | {"forget_labels"}
    declaring = type(case.type.__name__, (case.type,), {"needs": needs})
    try:
        declaring(**case.settings).run(case.request.original(), case.request.task())
    except Exception:  # noqa: BLE001  then it fails for another reason
        return
    raise _undeclared("forget_labels")


def _breach_of_error(case: Case, part: str, error: Exception) -> ContractError:
    """What an error with other data in `part` says: use of them, where they alone decide it."""
    text = f"with other data in {WITHHELD[part]}: {case.error_text(error)}"
    if _raises(case, "") or not _raises(case, part):
        return ContractError(
            f"{text}; it fails on the usual data too, or not every time: mend that"
        )
    return ContractError(f"{_undeclared(part)} ({text})")


def _raises(case: Case, altered: str) -> bool:
    try:
        case.run(task=case.request.task(altered=altered))
    except Exception:  # noqa: BLE001  a method may raise anything
        return True
    return False


def _undeclared(part: str) -> ContractError:
    return ContractError(
        f"the result depends on {WITHHELD[part]}: add '{part}' to `needs` in class and card, or do "
        "not use it"
    )


def _examples(task: ForgetTask, name: Any) -> dict[str, Tensor]:
    batch = task.splits[name].take(torch.arange(len(task.splits[name])))
    inputs = batch.inputs if isinstance(batch.inputs, dict) else {"inputs": batch.inputs}
    return {**inputs, "labels": batch.labels}
