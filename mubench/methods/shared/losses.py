"""The losses that methods share."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Reduction = Literal["none", "mean", "sum"]


def cross_entropy(logits: Tensor, labels: Tensor, reduction: Reduction = "none") -> Tensor:
    """Cross-entropy (b,) in nats of logits (b, K) against labels (b,) int64; or its mean or sum,
    which as one kernel takes a third less time.

    Raises:
        IndexError: a label is -1, as those of a withheld D_f are.
    """
    return F.cross_entropy(full_precision(logits), labels, reduction=reduction)


def full_precision(values: Tensor) -> Tensor:
    """The values in at least float32: bfloat16 is too coarse between logits and loss."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def kl_divergence(teacher: Tensor, student: Tensor, temperature: float = 1.0) -> Tensor:
    """T^2 KL(softmax(teacher / T) || softmax(student / T)) (b,) in nats, of logits (b, K).

    The factor T^2 keeps the gradient's size whatever the temperature (Hinton et al., arXiv
    1503.02531, section 2). A teacher's logit of minus infinity gives its class probability 0.
    """
    target = (full_precision(teacher) / temperature).softmax(1)
    log_q = (full_precision(student) / temperature).log_softmax(1)
    return temperature**2 * F.kl_div(log_q, target, reduction="none").sum(1)
