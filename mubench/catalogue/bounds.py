"""Bounds of the settings that all descents share, checked by plans and by the loop itself."""

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
    if name in _LEAST:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or value < _LEAST[name]:
            raise InputError(f"{where}: {_LEAST[name]} or more is needed; got {value!r}")
    if name == "momentum" and value >= 1:
        raise InputError(f"{where}: a momentum below 1 is needed; got {value!r}")
