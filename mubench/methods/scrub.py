"""SCRUB: a student moves away from its teacher, the original, on D_f and stays close on D_r.

"Towards Unbounded Machine Unlearning", arXiv 2302.09880: in each of the first `msteps` epochs one
pass over D_f ascends KL(teacher || student); then one pass over D_r descends
ce_weight CE + distill_weight KL(teacher || student). KL is T^2-scaled, at temperature T.

Differs from the paper: the learning rate is constant, where released code divides it by ten after
epochs 3, 5 and 9; D_r and D_f are augmented by default. `alpha`, the smoothing rate of the
teacher's distribution in the ascent, is an addition, off by default: where student and teacher
agree, as they do at first, KL has no gradient, and without BatchNorm or dropout the first ascent
step moves nothing; alpha < 0 gives it a direction.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.errors import InputError
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.label_smoothing import gls_kl_divergence
from mubench.methods.shared.losses import cross_entropy, kl_divergence
from mubench.models.training.descent import Hooks, descend


@dataclass(frozen=True, kw_only=True)
class SCRUB(DescentMethod):
    """Ascent on D_f, then descent on D_r, both against the original.

    Raises:
        InputError: nothing is left to minimise on D_r, or the temperature is not above 0.
    """

    needs: ClassVar = frozenset({"forget", "retain", "teacher"})

    learning_rate: float = 5e-4
    epochs: int = 5
    msteps: int = 3
    ce_weight: float = 1.0
    distill_weight: float = 0.5
    temperature: float = 4.0
    alpha: float = 0.0
    batch_size: int = 32
    forget_batch_size: int = 16

    def __post_init__(self) -> None:
        if not self.ce_weight and not self.distill_weight:
            raise InputError("ce_weight: 0 leaves no loss on D_r; set distill_weight above 0")
        if self.temperature <= 0:
            raise InputError(f"temperature: {self.temperature} is not above 0")

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        self.distill(model, task)

    def distill(self, model: nn.Module, task: ForgetTask, hooks: Hooks | None = None) -> None:
        """All epochs, in place."""
        forget = task.loader("forget", self.forget_batch_size, augment=self.augment)
        retain = self.loader("retain", task)

        def batches(epoch: int) -> Iterator[tuple[Batch, bool]]:
            if epoch < self.msteps:
                yield from ((batch, True) for batch in forget.epoch())
            yield from ((batch, False) for batch in retain.epoch())

        def loss(step: tuple[Batch, bool]) -> Tensor:
            batch, ascends = step
            student = model(batch.inputs)
            if ascends:
                teacher = task.teacher(batch.inputs)
                return -gls_kl_divergence(teacher, student, self.alpha, self.temperature).mean()
            descent = torch.zeros(())
            if self.ce_weight:
                descent = descent + self.ce_weight * cross_entropy(student, batch.labels, "mean")
            if self.distill_weight:
                divergence = kl_divergence(task.teacher(batch.inputs), student, self.temperature)
                descent = descent + self.distill_weight * divergence.mean()
            return descent

        settings = self.settings(task)
        descend(model, settings, batches, loss, steps_per_epoch=len(retain), hooks=hooks)
