"""Generalised label smoothing (GLS), and the smoothing rate that adapts to each example.

A smoothing rate alpha gives the target (1 - alpha) e_y + alpha / K: ordinary smoothing for
alpha > 0, one-hot for 0, negative smoothing below 0. "Label Smoothing Improves Machine Unlearning",
arXiv 2406.07698. Every option that the paper leaves open is a field of `AdaptiveAlpha`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from mubench.methods.shared.losses import cross_entropy, full_precision, kl_divergence

OutputSpace = Literal["logits", "probs", "features"]
DistanceMetric = Literal["cosine", "tv", "l2_minmax"]
AlphaMapping = Literal["literal", "effort"]
Normaliser = Literal["retain_batch", "forget_batch"]


class DegenerateWarning(UserWarning):
    """The adaptive smoothing rate is 0 nearly everywhere: the method is plain mixed ascent."""


def gls_loss(logits: Tensor, labels: Tensor, alpha: float | Tensor) -> Tensor:
    """GLS cross-entropy (b,) of logits (b, K), labels (b,) int64, alpha a number or (b,).

    l + alpha (z_y - mean z), which equals (1 - alpha) l_y + alpha mean_k l_k. Its gradient in the
    logits is softmax(z) minus the smoothed target, so ascent lowers the true logit of a memorised
    example only where alpha < 0.
    """
    losses = cross_entropy(logits, labels)
    if not isinstance(alpha, Tensor) and alpha == 0:  # 0 times an infinite logit is not a number
        return losses
    logits = full_precision(logits)
    true = logits.gather(1, labels[:, None]).squeeze(1)
    return losses + alpha * (true - logits.mean(1))


def gls_kl_divergence(
    teacher: Tensor, student: Tensor, alpha: float, temperature: float = 1.0
) -> Tensor:
    """T^2 KL of the student (b, K) from the teacher (b, K), both logits, with GLS: (b,) in nats.

    GLS for a soft target: its smoothed form is (1 - alpha) t + alpha / K, t = softmax(teacher / T).
    That adds alpha T (sum_k t_k z_k - mean z), whose gradient in the logits does not vanish where
    student and teacher agree; the target's entropy, a constant, stays that of t.
    """
    divergence = kl_divergence(teacher, student, temperature)
    if alpha == 0:
        return divergence
    target, student = (full_precision(teacher) / temperature).softmax(1), full_precision(student)
    return divergence + alpha * temperature * ((target * student).sum(1) - student.mean(1))


@dataclass(frozen=True, kw_only=True)
class AdaptiveAlpha:
    """alpha_j = -scale m(r_j); r_j is the share of retain outputs within `beta` of example j.

    Differs from the paper: its equation gives a positive rate, with which ascent would memorise
    D_f again, so the sign is the theory's. `literal` is the printed m(r) = r; `effort` is 1 - r,
    after the printed motivation that a forget example amid retain examples needs less effort.
    """

    beta: float
    scale: float
    mapping: AlphaMapping
    normaliser: Normaliser
    metric: DistanceMetric

    @torch.no_grad()
    def __call__(self, retain: Tensor, forget: Tensor) -> Tensor:
        """Rates (b_f,) <= 0 from outputs (b_r, d) and (b_f, d); distances up to beta count."""
        with torch.autocast(retain.device.type, enabled=False):
            near = distances(full_precision(retain), full_precision(forget), self.metric)
        count = (near <= self.beta).sum(0)
        share = count / (len(retain) if self.normaliser == "retain_batch" else len(forget))
        share = share.clamp(max=1)
        return -self.scale * (share if self.mapping == "literal" else 1 - share)


def distances(a: Tensor, b: Tensor, metric: DistanceMetric) -> Tensor:
    """Distances (n, m) in [0, 1] between the rows of a (n, d) and b (m, d).

    `cosine` is (1 - cos) / 2; `tv` half the L1 distance, for probabilities; `l2_minmax` the
    Euclidean distance stretched to [0, 1] within this pair of batches.
    """
    if metric == "cosine":
        cosine = F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
        return ((1 - cosine) / 2).clamp(0, 1)
    if metric == "tv":
        return torch.cdist(a, b, p=1) / 2
    raw = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
    low, high = raw.aminmax()
    return (raw - low) / (high - low).clamp(min=torch.finfo(raw.dtype).tiny)
