"""GA: gradient ascent on D_f.

"Unrolling SGD: Understanding Factors Influencing Machine Unlearning", arXiv 2109.13398, with the
settings of arXiv 2304.04934: SGD on minus the mean cross-entropy of D_f, 5 epochs at 1e-4.

Differs from the paper: several epochs with momentum and weight decay, as in all later comparisons,
in place of one plain step.
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
class GA(DescentMethod):
    """Ascent on D_f. The loss has no lower bound: a large learning rate diverges."""

    needs: ClassVar = frozenset({"forget", "forget_labels"})

    learning_rate: float = 1e-4
    epochs: int = 5

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget = self.loader("forget", task)

        def loss(batch: Batch) -> Tensor:
            return -cross_entropy(model(batch.inputs), batch.labels, "mean")

        descend(
            model,
            self.settings(task),
            lambda _: forget.epoch(),
            loss,
            steps_per_epoch=len(forget),
        )
