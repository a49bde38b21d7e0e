"""Vector instructions that numbers are computed with: they decide the last bits of every sum.

A processor with AVX-512 adds in another order than one with AVX2, and a training multiplies the
difference. Where both keep to AVX2, their numbers are equal. No torch here: it reads these
settings when it is loaded.
"""

import os
import sys
from collections.abc import Mapping
from typing import Literal

Capability = Literal["AVX2"]

_LIMITS: Mapping[Capability, Mapping[str, str]] = {
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_CBWR": "AVX2"}
}
"""What torch's own kernels, oneDNN and MKL read."""


def keep_to(capability: Capability) -> bool:
    """Have this process, and those that it starts, keep to AVX2; whether torch will obey.

    Where torch is loaded already, it obeys only if the settings were there before.
    """
    limits = _LIMITS[capability]
    was_limited = limits.items() <= os.environ.items()
    os.environ.update(limits)
    return was_limited or "torch" not in sys.modules


def limited_to() -> str:
    """The capability that settings of the environment limit torch to; empty for none."""
    found = (name for name, limits in _LIMITS.items() if limits.items() <= os.environ.items())
    return next(found, "")
