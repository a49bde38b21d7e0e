"""UAM: descent on D_r with gradients taken where the loss on D_f is highest nearby.

"Unlearning-Aware Minimization", NeurIPS 2025, https://openreview.net/forum?id=kAuckbcMvi: minimise
l_r(theta + eps), eps = radius g_f / |g_f|, g_f the gradient of the mean cross-entropy of a batch of
D_f and |g_f| its Euclidean norm; the step is made from theta. As in the authors' released library,
the batch of D_f goes forward together with one of D_r, so that BatchNorm sees both.

Differs from the paper: only its abstract and the released step could be read, not the paper's
second form, which corrects the gradient by a factor gamma, nor its values of the radius, which the
library may also lower as a cosine. An epoch is one pass over D_r while D_f is cycled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call
from typing_extensions import override

from mubench.data.split import Batch, concatenate
from mubench.errors import InputError
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import descend
from mubench.models.training.sam import normalised


class Pair(NamedTuple):
    """A batch of D_f and one of D_r."""

    forget: Batch
    retain: Batch


@dataclass(frozen=True, kw_only=True)
class UAM(DescentMethod):
    """Descent on D_r at weights moved by `radius` up the loss on D_f; 0 is FT with other batches.

    Raises:
        InputError: the radius is below 0.
    """

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})

    radius: float = 0.1

    def __post_init__(self) -> None:
        if self.radius < 0:
            raise InputError(f"radius: {self.radius} is below 0")

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, retain = self.loader("forget", task), self.loader("retain", task)

        def pairs(epoch: int) -> Iterator[Pair]:
            return map(Pair, forget.cycle(retain.sizes), retain.epoch())

        def loss(pair: Pair) -> Tensor:
            weights = self.moved(model, pair)
            logits = functional_call(model, weights, (pair.retain.inputs,))
            return cross_entropy(logits, pair.retain.labels, "mean")

        descend(model, self.settings(task), pairs, loss, steps_per_epoch=len(retain))

    def moved(self, model: nn.Module, pair: Pair) -> dict[str, Tensor]:
        """Theta + eps by name: functions of the weights, whose gradient is the identity."""
        weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        logits = model(concatenate(pair.forget.inputs, pair.retain.inputs))
        labels = pair.forget.labels
        loss = cross_entropy(logits[: len(labels)], labels, "mean")
        gradients = torch.autograd.grad(loss, [*weights.values()], materialize_grads=True)
        steps = zip(weights.items(), normalised(gradients), strict=True)
        return {name: weight + self.radius * direction for (name, weight), direction in steps}
