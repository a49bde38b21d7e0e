"""Bad Teacher: an incompetent teacher on D_f, the original on a part of D_r.

"Can Bad Teaching Induce Forgetting? Unlearning in Deep Networks using an Incompetent Teacher",
arXiv 2205.08096: over D_f and a fixed 30 % of D_r, shuffled together, minimise
KL(teacher || student), the teacher being the untrained model on D_f and the original on D_r.

Differs from the paper: the untrained model has the weights that the original's training started
from. The divergence is averaged over examples, not over examples and classes as in the released
code, and carries the factor T^2, which is 1 at the default T. The student is in training mode.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Split, select
from mubench.errors import InputError
from mubench.methods.base import DescentMethod, ForgetTask, frozen_copy
from mubench.methods.shared.losses import kl_divergence
from mubench.methods.shared.mixed_batches import Mixed, mixed_epoch, steps
from mubench.models.training.descent import OptimizerName, descend


@dataclass(frozen=True, kw_only=True)
class BadTeacher(DescentMethod):
    """Distillation from two teachers in `eval()` mode; `retain_fraction` of D_r is used."""

    needs: ClassVar = frozenset({"forget", "retain", "teacher", "initial_weights"})

    learning_rate: float = 1e-4
    epochs: int = 1
    retain_fraction: float = 0.3
    temperature: float = 1.0
    batch_size: int = 256
    weight_decay: float = 0.0
    optimizer: OptimizerName = "adamw"

    def __post_init__(self) -> None:
        if not 0 <= self.retain_fraction <= 1:
            raise InputError(f"retain_fraction: {self.retain_fraction} is not in [0, 1]")
        if self.temperature <= 0:
            raise InputError(f"temperature: {self.temperature} is not above 0")

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, retain = self.loader("forget", task), self.loader("retain", task)
        retain.split = self._part(task)
        order = task.generator("mixed")
        teachers = frozen_copy(task.new_model()), task.teacher

        def loss(mixed: Mixed) -> Tensor:
            inputs, n = mixed.batch.inputs, len(mixed.batch.labels)
            parts = torch.arange(n).split([mixed.n_forget, n - mixed.n_forget])
            with torch.no_grad():
                pairs = zip(teachers, parts, strict=True)
                logits = [teacher(select(inputs, rows)) for teacher, rows in pairs if len(rows)]
            return kl_divergence(torch.cat(logits), model(inputs), self.temperature).mean()

        def batches(epoch: int) -> Iterator[Mixed]:
            return mixed_epoch(forget, retain, order)

        with task.meter.watch(teachers[0]):
            descend(
                model,
                self.settings(task),
                batches,
                loss,
                steps_per_epoch=steps(forget, retain),
            )

    def _part(self, task: ForgetTask) -> Split:
        """The retain examples of this run, drawn once."""
        n = len(task.retain)
        drawn = torch.randperm(n, generator=task.generator("retain part"))
        return task.retain.subset(drawn[: round(self.retain_fraction * n)])
