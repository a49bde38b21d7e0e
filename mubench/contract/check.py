"""The contract: all clauses, and trying a method against them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from mubench.contract import card, conduct, runs
from mubench.contract.case import Case, NotTried
from mubench.deadline import time_limit
from mubench.errors import ContractError, InputError, MubenchError

Clause = Callable[[Case], str | None]
"""Raises ContractError where a method breaks it; returns why it has nothing to say, or None."""

OF_CARDS: Sequence[Clause] = (
    card.agrees_with_its_card,
    card.keeps_defaults_inside_their_ranges,
    card.cites_its_paper,
)
"""Run nothing."""
OF_RUNS: Sequence[Clause] = (
    conduct.reads_only_what_it_declares,
    conduct.leaves_its_teacher_alone,
    runs.runs_in_the_small_world,
    runs.changes_its_copy,
    conduct.leaves_the_original_untouched,
    conduct.leaves_the_data_untouched,
    conduct.leaves_global_state_alone,
    conduct.gives_the_same_weights_under_the_same_seed,
    conduct.gives_kl_div_its_arguments_in_order,
    conduct.prepares_without_changing_the_model,
    conduct.prepares_tensors_that_can_be_shared,
    conduct.names_what_prepare_reads,
    runs.keeps_the_architecture,
    runs.is_all_in_its_weights,
    runs.keeps_device_and_dtype,
    runs.leaves_no_hook_and_nothing_frozen,
    runs.is_frozen_and_survives_pickling,
    runs.takes_a_ragged_last_batch,
    runs.takes_a_single_forget_example,
    runs.takes_inputs_that_are_a_dict,
    runs.diverges_cleanly_at_a_nan,
    card.changes_nothing_at_no_strength,
)
"""Hold under all settings."""
OF_DEFAULTS: Sequence[Clause] = (
    card.accepts_samples_of_its_space,
    card.costs_what_its_card_says,
    card.depends_on_its_seed_as_its_card_says,
)
"""Concern the settings that a search begins with, and those that it draws."""
CLAUSE_SECONDS = 60.0
"""A method that never ends is told so."""

Status = Literal["kept", "broken", "not tried"]


@dataclass(frozen=True)
class Result:
    """How a method stands to one clause; `message` says what is wrong, or why it was not tried."""

    clause: str
    status: Status
    message: str = ""


def check(name: str) -> Iterator[Result]:
    """Try a method of the catalogue, plug-ins among them, against every clause.

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
        yield _try(clause, case)


def _try(clause: Clause, case: Case) -> Result:
    title = clause.__name__.replace("_", " ")
    try:
        with time_limit(CLAUSE_SECONDS):
            reason = clause(case)
    except NotTried as error:
        return Result(title, "not tried", str(error))
    except ContractError as error:
        return Result(title, "broken", str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001  a method may raise anything
        return Result(title, "broken", case.told(error))
    return Result(title, "kept") if reason is None else Result(title, "not tried", reason)
