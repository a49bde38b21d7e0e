"""Sham: a random step in the weights, of a given length, that looks at no data.

unpublished. A control: what it changes, any damage of its size changes. A metric that takes it for
unlearning measures damage.
Differs from the paper: there is none. The direction is uniform over all weights that can be
trained; buffers stay.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from typing_extensions import override

from mubench.errors import InputError
from mubench.methods.base import ForgetTask, Method, Tensors


@dataclass(frozen=True, kw_only=True)
class Sham(Method):
    """Adds Gaussian noise whose norm is `size` times the norm of the weights."""

    needs: ClassVar = frozenset[str]()

    size: float = 0.05

    def __post_init__(self) -> None:
        if self.size < 0:
            raise InputError(f"size: {self.size} is below 0")

    @override
    @torch.no_grad()
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        generator = task.generator("sham")
        weights = [p for p in model.parameters() if p.requires_grad]
        noise = [torch.randn(p.shape, generator=generator).to(p) for p in weights]
        norms = [torch.cat([v.flatten() for v in values]).norm() for values in (weights, noise)]
        for weight, step in zip(weights, noise, strict=True):
            weight.add_(step * (self.size * norms[0] / norms[1]))
