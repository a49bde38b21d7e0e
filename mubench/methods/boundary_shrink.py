"""BS: relabel D_f as the class across the nearest decision boundary, and learn that.

Boundary Shrink of "Boundary Unlearning", arXiv 2303.11570: x' is x after one FGSM step of size
epsilon on the frozen original, y' the original's prediction for x'; descend on the cross-entropy of
(x, y'). Where the attack fails y' is y.

Differs from the paper: the step is taken on pixels, before normalisation, with the data set's own
mean and deviation (the released code has a wrong mean for one channel).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch, Pixels
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import cross_entropy
from mubench.methods.shared.pixels import pixels_of
from mubench.models.training.descent import descend


@dataclass(frozen=True, kw_only=True)
class BoundaryShrink(DescentMethod):
    """Descent on D_f towards the nearest wrong class; `epsilon` is the attack's size in pixels."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "teacher"})

    learning_rate: float = 1e-5
    epochs: int = 10
    batch_size: int = 64
    epsilon: float = 0.1
    weight_decay: float = 0.0

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, pixels = self.loader("forget", task), pixels_of(task.forget)
        crossed: list[Tensor] = []

        def relabelled(epoch: int) -> Iterator[Batch]:
            for batch in forget.epoch():
                moved = fgsm(task.teacher, batch, pixels, self.epsilon)
                nearest = task.teacher(moved).argmax(1)
                crossed.append(nearest != batch.labels)
                yield batch._replace(labels=nearest)

        def loss(batch: Batch) -> Tensor:
            return cross_entropy(model(batch.inputs), batch.labels, "mean")

        descend(model, self.settings(task), relabelled, loss, steps_per_epoch=len(forget))
        if crossed:
            task.notes["attack_success"] = torch.cat(crossed).double().mean().item()


def fgsm(model: nn.Module, batch: Batch, pixels: Pixels, epsilon: float) -> Tensor:
    """Inputs (b, ...) after one step of epsilon up the sign of the loss's gradient, in pixels.

    "Explaining and Harnessing Adversarial Examples", arXiv 1412.6572. The pixels stay in [0, 1] and
    multiples of 1 / levels, so that x' is an image.
    """
    assert isinstance(batch.inputs, Tensor)
    inputs = batch.inputs.detach().requires_grad_()
    (slope,) = torch.autograd.grad(cross_entropy(model(inputs), batch.labels).sum(), inputs)
    moved = inputs.detach() * pixels.std + pixels.mean + epsilon * slope.sign()
    moved = (moved.clamp(0, 1) * pixels.levels).round() / pixels.levels
    return (moved - pixels.mean) / pixels.std
