"""UGradSL: gradient ascent on D_f with negatively smoothed labels, combined with descent on D_r.

"Label Smoothing Improves Machine Unlearning", arXiv 2406.07698, Eq. 8: minimise
p R_r[l] - (1 - p) R_f[l^alpha], one pass over D_f per epoch while D_r is cycled.

Differs from the paper: re-implemented from secondary descriptions; the published settings were not
available. R is the mean by default and not the sum, the epochs are fixed in place of
"convergence", and the adaptive rate is negative (see `label_smoothing.py`).
"""

from dataclasses import dataclass
from typing import ClassVar

from mubench.methods.smoothed_ascent import SmoothedAscent


@dataclass(frozen=True, kw_only=True)
class UGradSL(SmoothedAscent):
    """Smoothed ascent that passes over D_f. With alpha = 0 and retain_weight = 0 it is GA."""

    passes_over: ClassVar = "forget"

    learning_rate: float = 3e-3
    epochs: int = 5
    retain_weight: float = 0.9
