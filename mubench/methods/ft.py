"""FT: fine-tune on D_r, without any use of D_f.

"Model Sparsity Can Simplify Machine Unlearning", arXiv 2304.04934: SGD on the mean
cross-entropy of D_r, 10 epochs at a constant 0.01. As in the paper.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import descend


@dataclass(frozen=True, kw_only=True)
class FT(DescentMethod):
    """Descent on D_r."""

    needs: ClassVar = frozenset({"retain"})

    learning_rate: float = 0.01
    epochs: int = 10

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        retain = self.loader("retain", task)

        def loss(batch: Batch) -> Tensor:
            return cross_entropy(model(batch.inputs), batch.labels, "mean")

        descend(
            model,
            self.settings(task),
            lambda _: retain.epoch(),
            loss,
            steps_per_epoch=len(retain),
        )
