"""UGradSL+: fine-tuning on D_r, mixed with ascent on D_f with negatively smoothed labels.

"Label Smoothing Improves Machine Unlearning", arXiv 2406.07698, Eq. 8: minimise
p R_r[l] - (1 - p) R_f[l^alpha], one pass over D_r per epoch while D_f is cycled.

Differs from the paper: re-implemented from secondary descriptions; the published settings were not
available. R is the mean by default and not the sum, the epochs are fixed in place of
"convergence", and the adaptive rate is negative (see `label_smoothing.py`).
"""

from dataclasses import dataclass
from typing import ClassVar

from mubench.methods.smoothed_ascent import SmoothedAscent


@dataclass(frozen=True, kw_only=True)
class UGradSLPlus(SmoothedAscent):
    """Smoothed ascent that passes over D_r. With retain_weight = 1 it is FT."""

    passes_over: ClassVar = "retain"

    learning_rate: float = 1e-2
    epochs: int = 5
    retain_weight: float = 0.9
