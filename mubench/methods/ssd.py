"""SSD: selective synaptic dampening by the Fisher information.

"Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening", arXiv 2308.07707:
theta <- theta min(1, l I_D / I_f) wherever I_f > a I_D, once, in `eval()` mode.

Differs from the paper: as in its released code, I is the mean over batches of the squared gradient
of a batch's mean cross-entropy, up to a batch size smaller than the diagonal Fisher information
that the paper names. It depends on what is batched together: there D_r's examples and then D_f's,
so that I_f is at most n / n_f times I_D and a = 10 changes nothing where a tenth is forgotten; here
batches of 64 from all of D, shuffled.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Split
from mubench.methods.dampening import SynapticDampening
from mubench.methods.shared.gradients import batch_fisher


@dataclass(frozen=True, kw_only=True)
class SSD(SynapticDampening):
    """Dampening where the squared gradient of the cross-entropy is large on D_f."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})

    @override
    def importances(self, model: nn.Module, *splits: Split) -> Tensor:
        return batch_fisher(model, *splits)
