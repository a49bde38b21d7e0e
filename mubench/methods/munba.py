"""MUNBa: D_r and D_f bargain over every step.

"MUNBa: Machine Unlearning via Nash Bargaining", arXiv 2411.15537: the gradient g_r is that of the
cross-entropy on D_r, g_f that on D_f with random labels, drawn from all classes in every step. The
step is along a_r g_r + a_f g_f, where the weights solve Nash's G a = 1 / a, G the Gram matrix of
both gradients; c being their cosine, a_i = 1 / (|g_i| sqrt(1 + c)). Where they cannot agree, at
c = -1 or without a gradient, the weights are 1 and 0.1. Once D_f is passed, the rest of an epoch
descends on D_r alone.

Differs from the paper: every step is clipped to the norm 1, where released code clips those with
both. That code computes the same weights by a longer formula.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch, to_device
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.gradients import flatten
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import descend

Pair = tuple[Batch | None, Batch | None]
"""A batch of D_r and one of D_f; one of them where the other set has no more."""


@dataclass(frozen=True, kw_only=True)
class MUNBa(DescentMethod):
    """Descent on D_r and on D_f with random labels, weighted so that both gain alike."""

    needs: ClassVar = frozenset({"forget", "retain"})

    learning_rate: float = 0.01
    epochs: int = 10
    clip_norm: float = 1.0

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, retain = self.loader("forget", task), self.loader("retain", task)
        labels = task.generator("labels")
        parameters = [p for p in model.parameters() if p.requires_grad]

        def pairs(epoch: int) -> Iterator[Pair]:
            yield from zip_longest(retain.epoch(), forget.epoch())

        def loss(pair: Pair) -> Tensor:
            losses = []
            for batch, is_forget in zip(pair, (False, True), strict=True):
                if batch is None:
                    continue
                targets = batch.labels
                if is_forget:
                    drawn = torch.randint(task.num_classes, targets.shape, generator=labels)
                    targets = to_device(drawn, task.device)
                losses.append(cross_entropy(model(batch.inputs), targets, "mean"))
            return losses[0] if len(losses) == 1 else _agreed(losses, parameters)

        per_epoch = max(len(forget), len(retain))
        descend(model, self.settings(task), pairs, loss, steps_per_epoch=per_epoch)


def _agreed(losses: Sequence[Tensor], parameters: Sequence[nn.Parameter]) -> Tensor:
    """A loss that is linear in the parameters; its gradient is the bargain of both losses'."""
    gradients = torch.stack(
        [flatten(torch.autograd.grad(loss, parameters, materialize_grads=True)) for loss in losses]
    )
    step = (bargain(gradients)[:, None] * gradients).sum(0)
    parts = step.split([p.numel() for p in parameters])
    return torch.stack(
        [(p.flatten() * part).sum() for p, part in zip(parameters, parts, strict=True)]
    ).sum()


def bargain(gradients: Tensor) -> Tensor:
    """Nash's weights (2,) of two gradients (2, d); 1 and 0.1 where there are none."""
    norms = gradients.norm(dim=1)
    above = 1 + gradients.prod(0).sum() / norms.prod()  # a matrix product would be in bfloat16
    apart = torch.ones_like(norms)
    apart[1] = 0.1
    return torch.where(above > 1e-6, 1 / (norms * above.sqrt()), apart)
