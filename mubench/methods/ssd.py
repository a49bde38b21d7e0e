"""SSD: selective synaptic dampening by the Fisher information.

"Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening", arXiv 2308.07707:
theta <- theta min(1, l I_D / I_f) wherever I_f > a I_D, once, in `eval()` mode.

Differs from the paper: not in what its released code computes. I is the mean over batches of the
squared gradient of a batch's mean cross-entropy, up to a batch size smaller than the diagonal
Fisher information that the paper names; its values depend on the batch size, which is 64 here, in
the order of the data, with no short tail.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Split
from mubench.methods.dampening import SynapticDampening
from mubench.methods.influence import batch_fisher


@dataclass(frozen=True, kw_only=True)
class SSD(SynapticDampening):
    """Dampening where the squared gradient of the cross-entropy is large on D_f."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})

    @override
    def importances(self, model: nn.Module, split: Split) -> Tensor:
        return batch_fisher(model, split)
