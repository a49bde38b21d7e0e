"""DELETE: distil the original on D_f, with the true class masked out.

"Decoupled Distillation to Erase: A General Unlearning Method for Any Class-centric Tasks",
arXiv 2503.23751: minimise KL(softmax(z_o + m) || softmax(z)) on D_f, z_o the original's logits, m
minus infinity at the true class and 0 elsewhere. It reads no retain data. As in the paper.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import kl_divergence
from mubench.models.training.descent import descend


@dataclass(frozen=True, kw_only=True)
class DELETE(DescentMethod):
    """Learns, on D_f, the original's prediction without the true class."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "teacher"})

    learning_rate: float = 1e-4
    epochs: int = 20
    batch_size: int = 128
    weight_decay: float = 0.0

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, teacher = self.loader("forget", task), task.teacher

        def loss(batch: Batch) -> Tensor:
            with torch.no_grad():
                target = masked(teacher(batch.inputs), batch.labels)
            return kl_divergence(target, model(batch.inputs)).mean()

        descend(
            model,
            self.settings(task),
            lambda _: forget.epoch(),
            loss,
            steps_per_epoch=len(forget),
        )


def masked(logits: Tensor, labels: Tensor) -> Tensor:
    """Logits (b, K) with minus infinity at labels (b,) int64."""
    return logits.scatter(1, labels[:, None], -torch.inf)
