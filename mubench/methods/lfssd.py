"""LFSSD: selective synaptic dampening without a loss, and so without labels.

"Loss-Free Machine Unlearning", arXiv 2402.19308: `ssd` with the importance
I_j = mean |d |z|^2 / d theta_j|, z the logits, in place of the Fisher information.

Differs from the paper: the gradient is that of a batch's mean, over shuffled batches of 64 as in
`ssd`; the paper writes a mean over examples.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Split
from mubench.methods.dampening import SynapticDampening
from mubench.methods.shared.gradients import batch_fisher
from mubench.methods.shared.losses import full_precision


@dataclass(frozen=True, kw_only=True)
class LFSSD(SynapticDampening):
    """Dampening where the squared norm of the logits is sensitive on D_f."""

    needs: ClassVar = frozenset({"forget", "retain"})

    @override
    def importances(self, model: nn.Module, *splits: Split) -> Tensor:
        return batch_fisher(model, *splits, losses=squared_norm, size=torch.abs)


def squared_norm(logits: Tensor, labels: Tensor) -> Tensor:
    """Squared Euclidean norm (b,) of the logits; the labels are ignored."""
    return full_precision(logits).square().sum(1)
