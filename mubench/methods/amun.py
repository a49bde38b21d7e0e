"""AMUN: fine-tune on the nearest adversarial examples of D_f, with the labels the original gives.

"AMUN: Adversarial Machine UNlearning", arXiv 2503.00917: x' is x moved by projected gradient ascent
on the original's cross-entropy within a ball of l2 radius epsilon, in steps of a tenth of it; where
50 steps do not change the predicted class the radius doubles. y' is the original's prediction for
x'. Descend on the cross-entropy of D_r, D_f with its labels, and the pairs (x', y').

Differs from the paper: the learning rate is constant, where released code divides it by ten after
every epoch or few; the radius starts at one value for all, where that code takes a median over 50
examples, and doubles `radii` - 1 times at most. Balls are in pixels, before normalisation. As
there, what the original gets wrong is its own x', and x' is not augmented.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch, Pixels
from mubench.errors import InputError
from mubench.methods.base import DescentMethod, ForgetTask, Tensors
from mubench.methods.shared.gradients import BATCH
from mubench.methods.shared.losses import cross_entropy
from mubench.methods.shared.made_examples import made_examples
from mubench.methods.shared.pixels import pixels_of
from mubench.methods.shared.unions import union_epoch, union_steps
from mubench.models.training.descent import descend
from mubench.models.training.loader import Loader


@dataclass(frozen=True, kw_only=True)
class AMUN(DescentMethod):
    """Descent on D_f, its adversarial examples and, with `use_retain`, D_r."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})
    prepare_params: ClassVar = ("epsilon", "attack_steps", "radii")

    learning_rate: float = 0.01
    epochs: int = 10
    batch_size: int = 128
    epsilon: float = 0.1
    attack_steps: int = 50
    radii: int = 5
    use_retain: bool = True

    def __post_init__(self) -> None:
        for name in self.prepare_params:
            if getattr(self, name) <= 0:
                raise InputError(f"{name}: {getattr(self, name)} is not above 0")

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        pixels = pixels_of(task.forget)
        parts = [self.attack(model, batch, pixels) for batch in task.forget.batches(BATCH)]
        with torch.no_grad():
            labels = [model(part).argmax(1) for part in parts]
        return {"inputs": torch.cat(parts), "labels": torch.cat(labels)}

    def attack(self, model: nn.Module, batch: Batch, pixels: Pixels) -> Tensor:
        """Inputs x' (b, ...), each moved until the model's class is no more its label."""
        assert isinstance(batch.inputs, Tensor)
        start = moved = batch.inputs * pixels.std + pixels.mean
        for doublings in range(self.radii):
            radius = self.epsilon * 2**doublings
            for _ in range(self.attack_steps):
                inputs = ((moved - pixels.mean) / pixels.std).requires_grad_()
                logits = model(inputs)
                waits = logits.argmax(1) == batch.labels
                if not waits.any():
                    return inputs.detach()
                (slope,) = torch.autograd.grad(cross_entropy(logits, batch.labels).sum(), inputs)
                uphill = F.normalize((slope / pixels.std).flatten(1), dim=1).view_as(moved)
                offset = (moved + radius / 10 * uphill - start).renorm(2, 0, radius)
                ahead = (start + offset).clamp(0, 1)
                moved = torch.where(waits.view(-1, *[1] * (moved.ndim - 1)), ahead, moved)
        return (moved - pixels.mean) / pixels.std

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        made = made_examples(*(prepared[name].to(task.device) for name in ("inputs", "labels")))
        loaders = [
            self.loader("forget", task),
            Loader(made, self.batch_size, seed=task.seed, name="adversarial"),
            *([self.loader("retain", task)] if self.use_retain else []),
        ]
        order, per_epoch = task.generator("union"), union_steps(loaders)

        def batches(epoch: int) -> Iterator[Batch]:
            return union_epoch(loaders, order)

        def loss(batch: Batch) -> Tensor:
            return cross_entropy(model(batch.inputs), batch.labels, "mean")

        descend(model, self.settings(task), batches, loss, steps_per_epoch=per_epoch)
