"""The contract: all clauses, and the check of a method against them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mubench.errors import ContractError, InputError, MubenchError
from mubench.methods.contract import (
    access_clauses,
    card_clauses,
    effect_clauses,
    note_clauses,
    run_clauses,
)
from mubench.methods.contract.case import Case, Note, Skipped, require
from mubench.methods.contract.cpu_limit import OutOfTime, cpu_limit

Clause = Callable[[Case], str | None]
"""Raises ContractError where a method breaks it; returns a note, why it is skipped, or None."""


def ends_in_time(case: Case) -> None:
    """No run, and nothing beside the runs of a clause, takes a minute of CPU time."""
    where = "; ".join(f"{what}: {text}" for what, text in case.out_of_time.items())
    require(not where, f"{where}; end the loop, or set fewer steps in the card's `quick`")


OF_CARDS: Sequence[Clause] = (
    card_clauses.card_matches_class,
    card_clauses.defaults_are_in_range,
    card_clauses.docstring_cites_paper,
)
"""Need no run."""
OF_RUNS: Sequence[Clause] = (
    access_clauses.reads_only_declared_needs,
    access_clauses.teacher_is_unchanged,
    run_clauses.completes_on_toy_data,
    run_clauses.parameters_change,
    note_clauses.norm_statistics_see_more_than_forget,
    access_clauses.original_is_unchanged,
    access_clauses.data_are_unchanged,
    access_clauses.global_state_is_unchanged,
    access_clauses.same_seed_gives_same_weights,
    access_clauses.kl_div_argument_order,
    access_clauses.prepare_leaves_model_unchanged,
    access_clauses.prepared_tensors_are_reusable,
    access_clauses.prepare_params_are_complete,
    run_clauses.architecture_is_unchanged,
    run_clauses.state_dict_is_complete,
    run_clauses.device_and_dtype_are_unchanged,
    run_clauses.no_hooks_or_frozen_parameters,
    run_clauses.method_is_frozen_and_picklable,
    run_clauses.accepts_partial_last_batch,
    run_clauses.accepts_single_forget_example,
    run_clauses.accepts_dict_inputs,
    run_clauses.accepts_table_inputs,
    run_clauses.reports_divergence_on_nan,
    card_clauses.identity_settings_change_nothing,
)
"""Hold under all settings."""
OF_DEFAULTS: Sequence[Clause] = (
    card_clauses.accepts_search_space_samples,
    card_clauses.cost_matches_card,
    card_clauses.stochastic_matches_card,
    effect_clauses.declared_data_have_an_effect,
    effect_clauses.searched_params_have_an_effect,
    effect_clauses.signs_have_an_effect,
    ends_in_time,  # the last: it answers for all clauses before it
)
"""Concern the default settings, and those that a search draws."""

Status = Literal["passed", "failed", "skipped", "noted"]


@dataclass(frozen=True)
class Result:
    """Result of one clause; `message` says what is wrong or noted, or why it was skipped."""

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
        with cpu_limit():
            reason = clause(case)
    except OutOfTime as error:
        case.out_of_time[name] = case.error_text(error)
        return Result(name, "skipped", "not decided: it took too long, see `ends_in_time`")
    except Skipped as error:
        return Result(name, "skipped", str(error))
    except ContractError as error:
        return Result(name, "failed", str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001  a method may raise anything
        return Result(name, "failed", f"in a further run: {case.error_text(error)}")
    if reason is None:
        return Result(name, "passed")
    return Result(name, "noted" if isinstance(reason, Note) else "skipped", reason)
