"""Closed forms behind negative label smoothing: Theorems 2 and 3 of UGradSL (arXiv 2406.07698).

Re-derived from a secondary description of the paper. Both are diagnostics: neither is evidence that
a model has unlearned.
"""

import math
from dataclasses import dataclass

import numpy as np

from mubench.metrics.outputs import Floats


@dataclass(frozen=True)
class Theorem2:
    """Whether, and how far, smoothing brings plain gradient ascent nearer to Retrain."""

    cosine: float
    """Of a and b. Below 0 some negative smoothing rate helps."""
    best_alpha: float
    """The smoothing rate whose step ends nearest to Retrain: K/(K-1) <a, b> / |b|^2."""
    error: float
    """|a|, the distance to Retrain at alpha = 0."""
    best_error: float
    """The distance at `best_alpha`: |a| sqrt(1 - cosine^2)."""
    residual: float = 0.0
    """Relative residual of the linear systems that a and b were solved from, 0 for exact ones."""

    @property
    def negative_smoothing_helps(self) -> bool:
        """Strict: at cosine 0 every alpha but 0 does harm."""
        return self.cosine < 0

    @property
    def relative_improvement(self) -> float:
        """1 - best_error / error, in [0, 1]; by a positive alpha where cosine > 0."""
        return 1 - self.best_error / self.error


def theorem2(a: Floats, b: Floats, num_classes: int) -> Theorem2:
    """Diagnose a = Δθ_r - Δθ_f and b = Δθ_n - Δθ_f, both (d,) relative to the original weights.

    The step with rate alpha ends at distance |a - alpha (K-1)/K b| from Retrain. Raises ValueError
    where a or b is zero: there is no error to reduce, or nothing that reduces it.
    """
    length_a, length_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if length_a == 0 or length_b == 0:
        raise ValueError(
            f"Theorem 2 needs a and b different from zero, got {length_a=}, {length_b=}"
        )
    unit_b = b / length_b
    along = float(a @ unit_b)
    return Theorem2(
        cosine=float(np.clip(along / length_a, -1, 1)),
        best_alpha=num_classes / (num_classes - 1) * along / length_b,
        error=length_a,
        best_error=float(np.linalg.norm(a - along * unit_b)),
    )


@dataclass(frozen=True)
class Epsilon:
    """Label-LDP's ε; infinite, with the `reason`, where nothing is guaranteed."""

    value: float
    reason: str = ""


def label_ldp_epsilon(alpha: float, gamma1: float, gamma2: float, num_classes: int) -> Epsilon:
    """Theorem 3: ε = |log((K/α)(1 - γ1/γ2) + 1 - K)| for smoothing rate α and K classes.

    γ1 is the weight with which a forgotten example is still trained, γ2 that of its ascent. The
    prediction that minimises γ1 ℓ_y - γ2 ℓ^α has q_k ∝ c_k with c_y = γ1 - γ2 (1 - α + α/K) and
    c_k = -γ2 α/K; it exists for γ1 > γ2 > 0 and -(K/(K-1)) (γ1/γ2 - 1) < α < 0, where ε falls to 0
    at α = 1 - γ1/γ2 and rises to infinity at both ends. Not a guarantee of data deletion.

    >>> round(label_ldp_epsilon(-0.2, 1.3, 1.0, num_classes=10).value, 6)
    1.791759
    >>> label_ldp_epsilon(-0.4, 1.3, 1.0, num_classes=10).reason
    'needs -0.333333 < alpha < 0, got alpha=-0.4'
    """
    if not gamma1 > gamma2 > 0:
        return Epsilon(math.inf, f"needs gamma1 > gamma2 > 0, got {gamma1=}, {gamma2=}")
    lowest = -num_classes / (num_classes - 1) * (gamma1 / gamma2 - 1)
    # Within rounding of the lower bound the ratio below is noise around 0.
    if not lowest < alpha < 0 or math.isclose(alpha, lowest, rel_tol=1e-12):
        return Epsilon(math.inf, f"needs {lowest:.6g} < alpha < 0, got {alpha=}")
    ratio = num_classes / alpha * (1 - gamma1 / gamma2) + 1 - num_classes
    return Epsilon(abs(math.log(ratio)))
