"""Clauses about effects: what a method declares, and what a search chooses, changes its result."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import torch

from mubench.catalogue.ranges import Fixed, Scalar, is_number
from mubench.catalogue.search_space import Param
from mubench.errors import ContractError, Refused
from mubench.methods.contract.case import Case, require
from mubench.methods.contract.situations import NAMES, Situation, of_data, of_param
from mubench.methods.contract.toy_world import same

SWITCHED_ON = 0.3
"""For a hyperparameter that is fixed at 0.0: off, until a sweep gives it a range."""


def declared_data_have_an_effect(case: Case) -> None:
    """Other data in D_f or D_r, where they are declared, give other parameters."""
    _ = case.completed
    case.require_repeatable()
    for part in sorted(NAMES.keys() & case.type.needs):
        require(
            _in_any(of_data(case), partial(_data_decide, case, part)),
            f"other data in {NAMES[part]} change no parameter: use them, or remove '{part}' from "
            "`needs` in class and card",
        )


def searched_params_have_an_effect(case: Case) -> None:
    """Other values of a hyperparameter that is searched give other weights."""
    _ = case.completed
    case.require_repeatable()
    for param in case.card.space.params:
        values = [] if isinstance(param.range, Fixed) else _nearest_first(case, param)
        listed = ", ".join(map(str, [case.settings[param.name], *values]))
        require(
            not values or _matters(case, param, values),
            f"{param.name}: {listed} give the same weights: use it, or remove its range; where it "
            "has an effect only beside another value, name that in `when` or `quick`",
        )


def signs_have_an_effect(case: Case) -> str | None:
    """A hyperparameter that can be negative gives other weights than without its sign."""
    _ = case.completed
    case.require_repeatable()
    is_asked = False
    for param in case.card.space.params:
        values = _signed(case, param)
        differ = _signs_differ(case, param, values)
        is_asked |= differ is not None
        if differ is False and (isinstance(param.range, Fixed) or _matters(case, param, values)):
            raise ContractError(
                f"{param.name}: {values[0]} and {-values[0]} give the same weights: use its sign, "
                "or refuse one of them in `__post_init__`"
            )
    return None if is_asked else "no hyperparameter can be negative"


def _in_any(situations: Iterator[Situation], holds: Callable[[Situation], bool]) -> bool:
    """Whether it holds in a situation; only in the first one an error of the method is a breach."""
    if holds(next(situations)):
        return True
    for situation in situations:
        with suppress(ContractError):
            if holds(situation):
                return True
    return False


def _data_decide(case: Case, part: str, situation: Situation) -> bool:
    """Whether other data give other parameters, or are refused."""
    ours = situation.run(case)
    if ours.status != "ok":
        return False
    try:
        other = situation.with_other(part).run(case).model
    except ContractError as error:
        if isinstance(error.__cause__, Refused):
            return True
        raise
    pairs = zip(ours.model.parameters(), other.parameters(), strict=True)
    return any(not torch.equal(a, b) for a, b in pairs)


def _matters(case: Case, param: Param, values: Sequence[Scalar]) -> bool:
    return _in_any(of_param(case, param), partial(_values_decide, case, param.name, values))


def _values_decide(case: Case, name: str, values: Sequence[Scalar], situation: Situation) -> bool:
    """Whether one of the values gives other weights than the situation's own."""
    ours = situation.outcome(case)
    others = (situation.outcome(case, {name: value}) for value in values)
    return ours is not None and any(other is None or not same(ours, other) for other in others)


def _signs_differ(case: Case, param: Param, values: Sequence[float]) -> bool | None:
    """Whether a value gives other weights than its negative; None where only one of them runs."""
    runs = False
    for situation in of_param(case, param):
        for value in values:
            with suppress(ContractError):
                below = situation.outcome(case, {param.name: -abs(value)})
                above = situation.outcome(case, {param.name: abs(value)})
                runs = True
                if below is not None and above is not None and not same(below, above):
                    return True
        if not runs:
            return None
    return False


def _signed(case: Case, param: Param) -> list[float]:
    """Values of a hyperparameter that may be negative, but 0 and its setting; else none."""
    usual = case.settings[param.name]
    if isinstance(param.range, Fixed):
        if type(usual) is not float or usual > 0:
            return []
        return [usual / 2 or SWITCHED_ON]
    numbers = [value for value in _nearest_first(case, param) if is_number(value) and value]
    located = param.range.locate
    return [v for v in numbers if v < 0 or located(-v, param.name) is not None]


def _nearest_first(case: Case, param: Param) -> list[Scalar]:
    """Other values of a hyperparameter; those near its setting cost about as much as it does."""
    usual = case.settings[param.name]

    def distance(value: Scalar) -> float:
        return abs(value - usual) if is_number(value) and is_number(usual) else 0.0

    others = (value for value in dict.fromkeys(param.range.examples) if value != usual)
    return sorted(others, key=distance)
