"""l1-sparse: fine-tune on D_r with an L1 penalty that falls to 0.

"Model Sparsity Can Simplify Machine Unlearning", arXiv 2304.04934: minimise
l_r + g_e ||theta||_1 over all parameters, BatchNorm's and biases included, where in epoch e
g_e = sparsity (1 - e / (E - E_no)) for e < E - E_no and 0 in the last E_no epochs.

As in the paper. Where E_no = E its first code keeps the penalty constant; here, as in its
successor, there is none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import descend


@dataclass(frozen=True, kw_only=True)
class L1Sparse(DescentMethod):
    """Descent on D_r; the penalty's weight falls from `sparsity` to 0 before `no_l1_epochs`."""

    needs: ClassVar = frozenset({"retain"})

    learning_rate: float = 0.01
    epochs: int = 10
    sparsity: float = 1e-4
    no_l1_epochs: int = 0

    def penalty_weight(self, epoch: int) -> float:
        """g_e, the weight of the L1 norm in epoch e = 0, 1, ..."""
        fading = self.epochs - self.no_l1_epochs
        return self.sparsity * (1 - epoch / fading) if epoch < fading else 0.0

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        retain = self.loader("retain", task)

        def batches(epoch: int) -> Iterator[tuple[Batch, float]]:
            for batch in retain.epoch():
                yield batch, self.penalty_weight(epoch)

        def loss(step: tuple[Batch, float]) -> Tensor:
            batch, weight = step
            descent = cross_entropy(model(batch.inputs), batch.labels, "mean")
            if not weight:
                return descent
            return descent + weight * torch.stack([p.abs().sum() for p in model.parameters()]).sum()

        descend(model, self.settings(task), batches, loss, steps_per_epoch=len(retain))
