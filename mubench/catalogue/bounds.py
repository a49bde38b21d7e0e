"""Bounds of the settings that all descents share, checked by plans and by the loop itself.

Plans ask more: numbers so large that they are slips are refused too.
"""

import math
from collections.abc import Mapping
from typing import Any

from mubench.errors import InputError, did_you_mean

_LEAST: Mapping[str, float] = {
    "learning_rate": 0,
    "epochs": 0,
    "batch_size": 1,
    "forget_batch_size": 1,
    "momentum": 0,
    "weight_decay": 0,
    "clip_norm": 0,
}
WORDS: Mapping[str, tuple[str, ...]] = {
    "optimizer": ("sgd", "adamw", "sam"),
    "bn_mode": ("train", "eval_frozen"),
}


def check_bounds(name: str, value: Any, where: str) -> None:
    """Refuse a value with which no descent can run; names without a bound pass.

    Raises:
        InputError: the message begins with `where`.
    """
    if name in WORDS and value not in WORDS[name]:
        raise InputError(
            f"{where}: unknown value {value!r}; {did_you_mean(str(value), WORDS[name])}"
        )
    if name in _LEAST:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < _LEAST[name]:
            raise InputError(f"{where}: {_LEAST[name]} or more is needed; got {value!r}")
    if name == "momentum" and value >= 1:
        raise InputError(f"{where}: a momentum below 1 is needed; got {value!r}")


LARGEST = 1e12
"""Size of any number of a sweep: products of several are still numbers."""
_MOST: Mapping[str, float] = {
    "epochs": 100_000,
    "batch_size": 10_000_000,
    "forget_batch_size": 10_000_000,
}
"""The most of a sweep that is no slip of the pen; the loop itself may be asked for more."""


def check_slip(name: str, value: Any, where: str) -> None:
    """Refuse a number that no sweep means; other values pass.

    Raises:
        InputError: the message begins with `where`.
    """
    most = _MOST.get(name, LARGEST)
    if isinstance(value, int | float) and abs(value) > most:
        raise InputError(f"{where}: at most {most:,.0f} in size is allowed; got {value!r}")
