"""LoTUS: learn the original's own predictions, smoothed on D_f by as much as D_f is overfitted.

"LoTUS: Large-Scale Machine Unlearning with a Taste of Uncertainty", arXiv 2503.18314: over D_f and
a fixed 30 % of D_r, shuffled together, minimise the cross-entropy against Gumbel-softmax samples
softmax((z_o + g) / tau) of the original's logits z_o, g Gumbel noise. On D_f the temperature is
tau = exp(alpha (Acc(theta, D_f) - Acc(theta_o, D_val))), measured before every epoch, with alpha
the `temperature_factor`; on D_r it is 0, so that the sample is a class. When the accuracy on D_f is
below that on unseen examples by `tolerance`, unlearning ends.

Differs from the paper: unseen examples are D_val's. As in the released code their accuracy counts
as 0 where a whole class is forgotten: where no example of D_r has a label of D_f.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Split, to_device
from mubench.errors import InputError
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import cross_entropy, full_precision, kl_divergence
from mubench.methods.shared.mixed_batches import Mixed, mixed_epoch, steps
from mubench.models.training.descent import Hooks, OptimizerName, descend
from mubench.models.training.evaluate import logits_of


@dataclass(frozen=True, kw_only=True)
class LoTUS(DescentMethod):
    """Distillation of smoothed predictions: smoother on D_f with a larger `temperature_factor`."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain", "validation", "teacher"})

    learning_rate: float = 1e-4
    epochs: int = 10
    retain_fraction: float = 0.3
    temperature_factor: float = 2.0
    tolerance: float = 0.01
    batch_size: int = 128
    optimizer: OptimizerName = "adamw"

    def __post_init__(self) -> None:
        if not 0 <= self.retain_fraction <= 1:
            raise InputError(f"retain_fraction: {self.retain_fraction} is not in [0, 1]")

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, retain = self.loader("forget", task), self.loader("retain", task)
        n = len(task.retain)
        drawn = torch.randperm(n, generator=task.generator("retain part"))
        retain.split = task.retain.subset(drawn[: round(self.retain_fraction * n)])
        order, noise = task.generator("mixed"), task.generator("gumbel")
        unseen, temperature = _unseen_accuracy(task), 1.0

        def is_forgotten() -> bool:
            nonlocal temperature
            ahead = _accuracy(model, task.forget) - unseen
            temperature = math.exp(self.temperature_factor * ahead)
            return ahead <= -self.tolerance

        def loss(mixed: Mixed) -> Tensor:
            inputs, n_f = mixed.batch.inputs, mixed.n_forget
            with torch.no_grad():
                sample = full_precision(task.teacher(inputs))
                sample = sample + gumbel(sample, noise)
            logits = model(inputs)
            soft = kl_divergence(sample[:n_f] / temperature, logits[:n_f])
            return torch.cat([soft, cross_entropy(logits[n_f:], sample[n_f:].argmax(1))]).mean()

        if not self.epochs or is_forgotten():
            return
        descend(
            model,
            self.settings(task),
            lambda _: mixed_epoch(forget, retain, order),
            loss,
            steps_per_epoch=steps(forget, retain),
            hooks=Hooks(after_epoch=lambda epoch: epoch + 1 < self.epochs and is_forgotten()),
        )


def gumbel(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard Gumbel noise of the shape, type and device of a tensor."""
    drawn = torch.empty(like.shape).exponential_(generator=generator)
    return -to_device(drawn, like.device).log().to(like)


def _unseen_accuracy(task: ForgetTask) -> float:
    if not torch.isin(task.retain.labels, task.forget.labels).any():
        return 0.0
    return _accuracy(task.teacher, task.validation)


def _accuracy(model: nn.Module, split: Split) -> float:
    return float((logits_of(model, split).argmax(1) == split.labels.cpu().numpy()).mean())
