"""NegGrad+: descent on D_r and ascent on D_f in one loss.

"Towards Unbounded Machine Unlearning", arXiv 2302.09880: minimise
w (l_r + c/2 |theta - theta_o|^2) - (1 - w) l_f, one pass over D_r per epoch while D_f is cycled.

Differs from the paper: BatchNorm is in training mode by default, as for every method here
(`bn_mode="eval_frozen"` is that of arXiv 2410.01276's code), and D_f is reshuffled on every pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.errors import InputError
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import descend


@dataclass(frozen=True, kw_only=True)
class NegGradPlus(DescentMethod):
    """Descent on D_r against ascent on D_f; `proximal_weight` is c, 0 leaves the penalty out."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})

    learning_rate: float = 0.01
    epochs: int = 10
    retain_weight: float = 0.95
    proximal_weight: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.retain_weight <= 1:
            raise InputError(f"retain_weight: {self.retain_weight} is not in [0, 1]")

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, retain = self.loader("forget", task), self.loader("retain", task)
        start = [p.detach().clone() for p in model.parameters()] if self.proximal_weight else []
        w = self.retain_weight

        def pairs(epoch: int) -> Iterator[tuple[Batch | None, Batch]]:
            ascended = forget.cycle(retain.sizes) if w < 1 else repeat(None)
            return zip(ascended, retain.epoch(), strict=False)

        def loss(pair: tuple[Batch | None, Batch]) -> Tensor:
            x_f, x_r = pair
            ascent = descent = torch.zeros(())
            if x_f is not None:
                ascent = cross_entropy(model(x_f.inputs), x_f.labels, "mean")
            if w > 0:
                descent = cross_entropy(model(x_r.inputs), x_r.labels, "mean")
            if self.proximal_weight:
                descent = descent + self.proximal_weight / 2 * squared_distance(model, start)
            return w * descent - (1 - w) * ascent

        descend(model, self.settings(task), pairs, loss, steps_per_epoch=len(retain))


def squared_distance(model: nn.Module, start: list[Tensor]) -> Tensor:
    """Squared Euclidean distance of the model's parameters from `start`, a scalar."""
    squares = [((p - p0) ** 2).sum() for p, p0 in zip(model.parameters(), start, strict=True)]
    return torch.stack(squares).sum()
