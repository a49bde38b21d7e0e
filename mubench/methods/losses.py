"""The cross-entropy that every method shares, one value per example."""

import torch
import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy (b,) in nats of logits (b, K) against labels (b,) int64.

    Raises:
        IndexError: a label is -1, as those of a withheld D_f are.
    """
    return F.cross_entropy(full_precision(logits), labels, reduction="none")


def full_precision(values: Tensor) -> Tensor:
    """The values in float32 or better: from logits to the loss, bfloat16 is too coarse."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
