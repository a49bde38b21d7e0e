"""NPO: ascent on D_f with a bounded loss, whose gradient vanishes as D_f is forgotten.

"Negative Preference Optimization: From Catastrophic Collapse to Effective Unlearning",
arXiv 2404.05868: minimise -(2/b) log sigma(b (l_y - l_y(theta_o))) on D_f. It falls towards 0 as
l_y rises; its gradient is -2 sigma(-b (l_y - l_y(theta_o))) times that of l_y: GA's at theta_o, and
0 in the end.

Differs from the paper: a classifier's cross-entropy takes the place of a language model's.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.errors import InputError
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import descend


@dataclass(frozen=True, kw_only=True)
class NPO(DescentMethod):
    """Bounded ascent on D_f; `beta` is b: the larger, the sooner it levels off."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "teacher"})

    learning_rate: float = 1e-4
    epochs: int = 5
    beta: float = 0.1

    def __post_init__(self) -> None:
        if self.beta <= 0:
            raise InputError(f"beta: {self.beta} is not above 0")

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, teacher = self.loader("forget", task), task.teacher

        def loss(batch: Batch) -> Tensor:
            with torch.no_grad():
                start = cross_entropy(teacher(batch.inputs), batch.labels)
            rise = cross_entropy(model(batch.inputs), batch.labels) - start
            return -2 / self.beta * F.logsigmoid(self.beta * rise).mean()

        descend(
            model,
            self.settings(task),
            lambda _: forget.epoch(),
            loss,
            steps_per_epoch=len(forget),
        )
