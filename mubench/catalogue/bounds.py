"""Bounds of numbers: of every hyperparameter, and of the settings that all descents share.

Those of descents are checked by plans and by the loop itself.
"""

import math
from collections.abc import Mapping
from typing import Any

from mubench.errors import InputError, did_you_mean

_BOUNDS: Mapping[str, tuple[float, float]] = {
    "learning_rate": (0, 1000),
    "epochs": (0, 100_000),
    "batch_size": (1, 10_000_000),
    "forget_batch_size": (1, 10_000_000),
    "momentum": (0, 1),
    "weight_decay": (0, 1000),
    "clip_norm": (0, 1_000_000),
}
"""The least value with which a descent can run, and the most that is no slip of the pen."""
LARGEST = 1e12
"""Size of any number: products of several are still numbers."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "optimizer": ("sgd", "adamw"),
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
    if name in _BOUNDS:
        least, most = _BOUNDS[name]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < least:
            raise InputError(f"{where}: {least} or more is needed; got {value!r}")
        if value > most and name != "momentum":
            raise InputError(f"{where}: at most {most:,} is allowed; got {value!r}")
    if name == "momentum" and value >= 1:
        raise InputError(f"{where}: a momentum below 1 is needed; got {value!r}")


def check_magnitude(value: Any, where: str) -> None:
    """Refuse a number that is too large to compute with; other values pass.

    Raises:
        InputError: the message begins with `where`.
    """
    if isinstance(value, int | float) and abs(value) > LARGEST:
        raise InputError(f"{where}: at most {LARGEST:,.0f} in size is allowed; got {value!r}")
