"""`--smoke`, an option of every script here: does it still run? Its numbers then mean nothing."""

import sys
from typing import TypeVar

T = TypeVar("T")

IS_SMOKE = "--smoke" in sys.argv
if IS_SMOKE:
    sys.argv.remove("--smoke")  # scripts read the others


def sized(full: T, tiny: T) -> T:
    """The size for a measurement, or the one with which the script ends within seconds."""
    return tiny if IS_SMOKE else full
