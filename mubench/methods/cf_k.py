"""CF-k: catastrophic forgetting in the last k blocks; everything else is frozen.

"Towards Adversarial Evaluations for Inexact Machine Unlearning", arXiv 2201.06640: freeze the
network but for its last k layers, fine-tune those on D_r.

Differs from the paper: k counts blocks (a ResNet's stages), and the classifier after them is
always trained; some implementations leave it frozen. Frozen are buffers too: whatever is not
trained is in `eval()` mode, where published code lets frozen BatchNorm go on averaging. The
learning rate is constant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.layers import blocks_of, classifier_of, trained_alone
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import descend, set_mode


@dataclass(frozen=True, kw_only=True)
class CFk(DescentMethod):
    """Descent on D_r of the last `k` blocks and the classifier; with k = all blocks it is FT."""

    needs: ClassVar = frozenset({"retain"})

    learning_rate: float = 0.01
    epochs: int = 10
    batch_size: int = 64
    k: int = 1

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        retain = self.loader("retain", task)
        trained = last_blocks(model, task.num_classes, self.k)

        def batches(epoch: int) -> Iterator[Batch]:
            if epoch == 0:
                self.begin(model, task)
            model.eval()
            for part in trained:
                set_mode(part, self.bn_mode)
            yield from retain.epoch()

        def loss(batch: Batch) -> Tensor:
            return cross_entropy(model(batch.inputs), batch.labels, "mean")

        with trained_alone(model, trained):
            descend(model, self.settings(task), batches, loss, steps_per_epoch=len(retain))

    def begin(self, model: nn.Module, task: ForgetTask) -> None:
        """Called before the first step; does nothing here."""


def last_blocks(model: nn.Module, num_classes: int, k: int) -> list[nn.Module]:
    """The last k blocks and the classifier; the whole model where it has at most k blocks.

    Raises:
        Refused: the model has no linear classifier.
    """
    blocks = blocks_of(model, num_classes)
    if k >= len(blocks):
        return [model]
    return [*blocks[len(blocks) - k :], classifier_of(model, num_classes)]
