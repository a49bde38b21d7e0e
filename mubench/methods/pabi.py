"""PABI: certified unlearning by clipping and noise (privacy amplification by iteration).

"Certified Unlearning for Neural Networks", arXiv 2506.06985, its gradient clipping:
theta <- clip(theta_o, C0); T times, theta <- theta - eta (clip(g, C1) + lambda theta) + N(0, s^2 I)
with g the gradient of a batch of D_r; then fine-tuning without noise. With r = 1 - eta lambda, two
starts end within b = 2 C0 r^T + 2 eta C1 (1 - r^T) / (1 - r) of each other before noise, and
s^2 = b^2 (1 - r^2) / (2 rho (1 - r^(2T))) makes the last noisy weights rho-zCDP in their start,
which is (epsilon, delta) with epsilon = rho + 2 sqrt(rho ln(1 / delta)).

Differs from the paper: its released code takes rho for epsilon at every Renyi order, without lambda
half the variance, and fine-tunes along a one-cycle schedule; here the learning rate is constant.

What is certified is the weights, against any model without D_f in the original's place. It does not
hold where the model keeps what is neither clipped nor noised, such as BatchNorm's running
statistics (`certified` is then 0 in the record), nor for hyperparameters that were chosen with
D_f in view; and it assumes true random numbers and exact arithmetic.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch, to_device
from mubench.errors import InputError, Refused
from mubench.methods.base import DescentMethod, ForgetTask, Tensors
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import Hooks, descend

MOST_STEPS = 50_000
"""A search may ask for millions of noisy steps, far more than a training from scratch takes."""
AT_ONCE = 1000
"""Noisy steps whose batches are drawn at once."""


@dataclass(frozen=True, kw_only=True)
class PABI(DescentMethod):
    """Clipped and noisy descent on D_r to (epsilon, delta), then FT for `epochs`.

    `clip_weights` is C0, `clip_gradients` C1, `noise_learning_rate` eta, `decay` lambda. Of the
    settings that all methods share, the noisy steps take the batches and BatchNorm's mode.

    Raises:
        InputError: settings for which there is no certificate.
    """

    needs: ClassVar = frozenset({"retain"})

    clip_weights: float = 0.1
    clip_gradients: float = 10.0
    noise_learning_rate: float = 1e-3
    decay: float = 50.0
    epsilon: float = 1.0
    delta: float = 1e-5
    learning_rate: float = 0.1
    epochs: int = 10
    batch_size: int = 128
    momentum: float = 0.0

    def __post_init__(self) -> None:
        for name in ("clip_weights", "clip_gradients", "noise_learning_rate", "epsilon"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: must be above 0; got {getattr(self, name)}")
        if not 0 < self.delta < 1:
            raise InputError(f"delta: must lie between 0 and 1; got {self.delta}")
        if not 0 <= self.decay * self.noise_learning_rate <= 1:
            raise InputError(
                f"decay: {self.decay} times noise_learning_rate {self.noise_learning_rate} is not "
                "in [0, 1]"
            )

    @property
    def noisy_steps(self) -> int:
        """T: enough steps to cover C0, or fewer where the decay removes the start sooner."""
        eta, decay = self.noise_learning_rate, self.decay
        steps = math.ceil(self.clip_weights / (self.clip_gradients * eta))
        if decay:
            ratio = 2 * decay * self.clip_weights / self.clip_gradients
            sooner = math.ceil(math.log(ratio) / (eta * decay))
            steps = sooner if 0 < sooner < steps else steps
        return steps

    @property
    def noise_deviation(self) -> float:
        """s, the standard deviation of the noise of one step; 0 where epsilon is infinite."""
        log = math.log(1 / self.delta)
        rho = (math.sqrt(log + self.epsilon) - math.sqrt(log)) ** 2
        r, steps = 1 - self.noise_learning_rate * self.decay, self.noisy_steps
        drift = 2 * self.noise_learning_rate * self.clip_gradients
        apart = 2 * self.clip_weights * r**steps + drift * _geometric(r, steps)
        return apart / math.sqrt(2 * rho * _geometric(r * r, steps))

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        if self.noisy_steps > MOST_STEPS:
            raise Refused(
                f"{self.noisy_steps:,} noisy steps, more than {MOST_STEPS:,}; raise clip_gradients "
                "or noise_learning_rate, or lower clip_weights"
            )
        retain, generator = self.loader("retain", task), task.generator("noise")
        weights = [p for p in model.parameters() if p.requires_grad]
        steps, deviation = self.noisy_steps, self.noise_deviation
        noisy = replace(
            self.settings(task),
            learning_rate=self.noise_learning_rate,
            epochs=1,
            momentum=0.0,
            weight_decay=self.decay,
            optimizer="sgd",
            clip_norm=self.clip_gradients,
        )

        def loss(batch: Batch) -> Tensor:
            return cross_entropy(model(batch.inputs), batch.labels, "mean")

        @torch.no_grad()
        def add_noise(_: torch.optim.Optimizer) -> None:
            for weight in weights:
                noise = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
                weight.add_(to_device(noise, weight.device), alpha=deviation)

        def batches(_: int) -> Iterator[Batch]:
            clip(weights, self.clip_weights)  # inside the descent, which undoes it on failure
            for first in range(0, steps, AT_ONCE):  # what one call gives is drawn at once
                yield from retain.cycle([self.batch_size] * min(AT_ONCE, steps - first))

        descend(
            model,
            noisy,
            batches,
            loss,
            steps_per_epoch=steps,
            hooks=Hooks(after_step=add_noise),
        )
        descend(
            model,
            self.settings(task),
            lambda _: retain.epoch(),
            loss,
            steps_per_epoch=len(retain),
        )
        task.notes["certified"] = float(_is_covered(model))


@torch.no_grad()
def clip(weights: Sequence[Tensor], norm: float) -> None:
    """Scale all weights together, in place, so that their Euclidean norm is at most `norm`."""
    total = torch.cat([weight.flatten() for weight in weights]).double().norm().item()
    for weight in weights:
        weight *= norm / max(norm, total)


def _geometric(r: float, n: int) -> float:
    """The sum of r^t over t from 0 to n - 1."""
    return n if r == 1 else (1 - r**n) / (1 - r)


def _is_covered(model: nn.Module) -> bool:
    """Whether all that the model holds is a trained weight: no statistics, nothing frozen."""
    floats = [*model.parameters(), *(b for b in model.buffers() if b.is_floating_point())]
    return all(value.requires_grad for value in floats)
