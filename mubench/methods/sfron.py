"""SFRon: ascent on D_f where its curvature outweighs D_r's, during fine-tuning on D_r.

"Unified Gradient-Based Machine Unlearning with Remain Geometry Enhancement", arXiv 2409.19732. An
iteration is a descent step on D_r, before which, in every `forget_every`th, comes a step on D_f:
minimise -a_t sum_j w_j l_j, w_j proportional to l_j^-lambda, with the gradient masked to
F_f >= mask_threshold F_r and clipped. a_t and the learning rate fall as a cosine. F are means over
batches of squared gradients at the original. After every iteration the slow weights go
`fast_weight` of the way to the fast ones, which go on from there: 1, as released, is no averaging.

Differs from the paper: F comes from shuffled batches of 64, as in `ssd`, of unaugmented examples.
In its weight, l_j counts as 1e-7 or more: one that is rounded to 0 has no gradient, and with the
released 1e-15 it takes all of the weight. `alpha`, the smoothing rate in l_j (not in its weight),
is an addition, off by default.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.methods.base import ForgetTask, Method, Tensors
from mubench.methods.shared.gradients import batch_fisher, unflatten
from mubench.methods.shared.label_smoothing import gls_loss
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import Descent, Hooks, NormMode, OptimizerName, cosine, descend
from mubench.models.training.loader import Loader

LEAST_LOSS = 1e-7
"""Smaller cross-entropies are rounding errors in float32."""


class Step(NamedTuple):
    """A batch of D_f and its a_t, or one of D_r and 0."""

    batch: Batch
    ascent: float


@dataclass(frozen=True, kw_only=True)
class SFRon(Method):
    """Masked ascent on D_f within descent on D_r.

    `weight_exponent` is lambda. `clip_norm` holds for the gradient on D_f, after the mask; 0 is
    off. The optimizer and its momentum are one for both kinds of step.
    """

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})

    learning_rate: float = 0.01
    iterations: int = 1500
    forget_every: int = 5
    ascent_weight: float = 25.0
    alpha: float = 0.0
    weight_exponent: float = 0.5
    mask_threshold: float = 1.0
    fast_weight: float = 1.0
    batch_size: int = 128
    clip_norm: float = 7.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    optimizer: OptimizerName = "sgd"
    bn_mode: NormMode = "train"
    augment: bool = True

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        return {
            "forget_fisher": batch_fisher(model, task.forget),
            "retain_fisher": batch_fisher(model, task.retain),
        }

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        loaders = [
            task.loader("forget", self.batch_size, augment=self.augment),
            task.loader("retain", self.batch_size, augment=self.augment),
        ]
        parameters = [p for p in model.parameters() if p.requires_grad]
        f_forget, f_retain = (prepared[f"{name}_fisher"] for name in ("forget", "retain"))
        mask = unflatten(model, (f_forget >= self.mask_threshold * f_retain).to(task.device))
        slow = [p.detach().clone() for p in parameters]
        ascent = 0.0

        def loss(step: Step) -> Tensor:
            nonlocal ascent
            batch, ascent = step
            logits = model(batch.inputs)
            if not ascent:
                return cross_entropy(logits, batch.labels, "mean")
            return -ascent * self.weighted_loss(logits, batch.labels)

        def before_step(_: torch.optim.Optimizer) -> None:
            if ascent:
                mask_gradients(model, mask)
                if self.clip_norm:
                    nn.utils.clip_grad_norm_(parameters, self.clip_norm)

        def after_step(_: torch.optim.Optimizer) -> None:
            if not ascent and self.fast_weight != 1:
                draw_back(parameters, slow, self.fast_weight)

        descend(
            model,
            self.settings(task),
            lambda cycle: self.steps(cycle, *loaders),
            loss,
            steps_per_epoch=self.forget_every + bool(self.ascent_weight),
            hooks=Hooks(before_step=before_step, after_step=after_step),
        )

    def settings(self, task: ForgetTask) -> Descent:
        """The descent loop's settings; its epoch is a cycle of `forget_every` iterations."""
        return Descent(
            learning_rate=self.learning_rate,
            epochs=math.ceil(self.iterations / self.forget_every),
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            optimizer=self.optimizer,
            bn_mode=self.bn_mode,
            precision=task.precision,
            schedule=cosine,
        )

    def steps(self, cycle: int, forget: Loader, retain: Loader) -> Iterator[Step]:
        """A step on D_f, then those on D_r."""
        first = cycle * self.forget_every
        if self.ascent_weight:
            ascent = self.ascent_weight * cosine(first / self.iterations)
            yield from (Step(batch, ascent) for batch in forget.cycle([self.batch_size]))
        count = min(self.forget_every, self.iterations - first)
        yield from (Step(batch, 0.0) for batch in retain.cycle([self.batch_size] * count))

    def weighted_loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """sum_j w_j l_j, a scalar; the w_j sum to 1 and are constants to the gradient."""
        losses = cross_entropy(logits, labels).detach()
        weights = losses.clamp(min=LEAST_LOSS) ** -self.weight_exponent
        return (weights / weights.sum() * gls_loss(logits, labels, self.alpha)).sum()


def mask_gradients(model: nn.Module, mask: dict[str, Tensor]) -> None:
    """Zero the gradients where a parameter's mask, of its shape, is False."""
    for name, part in mask.items():
        gradient = model.get_parameter(name).grad
        if gradient is not None:
            gradient.mul_(part)


@torch.no_grad()
def draw_back(parameters: list[nn.Parameter], slow: list[Tensor], fast_weight: float) -> None:
    """Move the slow weights `fast_weight` of the way to the fast ones, which go on from there."""
    for p, p_slow in zip(parameters, slow, strict=True):
        p.copy_(p_slow.lerp_(p, fast_weight))
