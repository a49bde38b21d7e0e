"""Expressions of cards: what a method's `cost` says, in its hyperparameters and in sizes."""

import math
from collections.abc import Mapping
from typing import Any

from mubench.errors import ContractError


def evaluate(expression: str, values: Mapping[str, Any], where: str) -> Any:
    """What an expression of a card gives.

    >>> evaluate("epochs * min(n_f, 10)", {"epochs": 2, "n_f": 30}, "cost.forward")
    20

    Raises:
        ContractError: it names something else, or is none.
    """
    known = {"ceil": math.ceil, "max": max, "min": min, "round": round, **values}
    try:
        # the card lies beside the method's own code: nothing is gained by guarding against it
        return eval(expression, {"__builtins__": {}}, known)
    except Exception as error:
        raise ContractError(f"{where}: {expression}: {error}; known: {', '.join(known)}") from error
