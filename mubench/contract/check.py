"""The contract: all clauses, and the check of a method against them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mubench.contract import card, conduct, runs
from mubench.contract.case import Case, Skipped
from mubench.deadline import time_limit
from mubench.errors import ContractError, InputError, MubenchError

Clause = Callable[[Case], str | None]
"""Raises ContractError where a method breaks it; returns why it is skipped, or None."""

OF_CARDS: Sequence[Clause] = (
    card.card_matches_class,
    card.defaults_are_in_range,
    card.docstring_cites_paper,
)
"""Need no run."""
OF_RUNS: Sequence[Clause] = (
    conduct.reads_only_declared_needs,
    conduct.teacher_is_unchanged,
    runs.completes_on_toy_data,
    runs.parameters_change,
    conduct.original_is_unchanged,
    conduct.data_are_unchanged,
    conduct.global_state_is_unchanged,
    conduct.same_seed_gives_same_weights,
    conduct.kl_div_argument_order,
    conduct.prepare_leaves_model_unchanged,
    conduct.prepared_tensors_are_reusable,
    conduct.prepare_params_are_complete,
    runs.architecture_is_unchanged,
    runs.state_dict_is_complete,
    runs.device_and_dtype_are_unchanged,
    runs.no_hooks_or_frozen_parameters,
    runs.method_is_frozen_and_picklable,
    runs.accepts_partial_last_batch,
    runs.accepts_single_forget_example,
    runs.accepts_dict_inputs,
    runs.reports_divergence_on_nan,
    card.identity_settings_change_nothing,
)
"""Hold under all settings."""
OF_DEFAULTS: Sequence[Clause] = (
    card.accepts_search_space_samples,
    card.cost_matches_card,
    card.stochastic_matches_card,
)
"""Concern the default settings, and those that a search draws."""
CLAUSE_SECONDS = 60.0
"""Time limit of one clause."""

Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Result:
    """Result of one clause; `message` says what is wrong, or why it was skipped."""

    clause: str
    status: Status
    message: str = ""


def check(name: str) -> Iterator[Result]:
    """Check a method of the catalogue, plug-ins included, against every clause.

    Raises:
        InputError: there is no such method, its card is wrong, or its file cannot be imported.
    """
    try:
        case = Case(name)
    except MubenchError:
        raise
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{name}: its file cannot be imported: {text}") from error
    for clause in (*OF_CARDS, *OF_RUNS, *OF_DEFAULTS):
        yield _check(clause, case)


def _check(clause: Clause, case: Case) -> Result:
    name = clause.__name__
    try:
        with time_limit(CLAUSE_SECONDS):
            reason = clause(case)
    except Skipped as error:
        return Result(name, "skipped", str(error))
    except ContractError as error:
        return Result(name, "failed", str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001  a method may raise anything
        return Result(name, "failed", case.told(error))
    return Result(name, "passed") if reason is None else Result(name, "skipped", reason)
