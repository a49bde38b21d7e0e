"""JiT: make the model smooth around D_f, so that its outputs there change little with the input.

"An Information Theoretic Approach to Machine Unlearning", arXiv 2402.01401: descend on the mean
over D_f and over `samples` draws of |z(x) - z(x + noise)| / |noise|, z the logits, the noise normal
with deviation sigma, and only z(x) with a gradient. Noisy inputs stay between the smallest and the
largest value of their batch. It needs neither labels nor retain data.

Differs from the paper: the loss is averaged over a batch, where released code sums over its 128
examples; the learning rate is larger accordingly. BatchNorm keeps its statistics by default, so
that noise does not enter them; dropout is on.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch, to_device
from mubench.errors import InputError, Refused
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import full_precision
from mubench.models.training.descent import NormMode, descend


@dataclass(frozen=True, kw_only=True)
class JiT(DescentMethod):
    """Descent on how much the outputs on D_f change with the inputs."""

    needs: ClassVar = frozenset({"forget"})

    learning_rate: float = 0.04
    epochs: int = 1
    batch_size: int = 128
    sigma: float = 0.5
    samples: int = 25
    momentum: float = 0.0
    weight_decay: float = 0.0
    bn_mode: NormMode = "eval_frozen"

    def __post_init__(self) -> None:
        for name in ("sigma", "samples"):
            if getattr(self, name) <= 0:
                raise InputError(f"{name}: {getattr(self, name)} is not above 0")

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, noise = self.loader("forget", task), task.generator("noise")

        def loss(batch: Batch) -> Tensor:
            if isinstance(batch.inputs, dict):
                raise Refused("jit adds noise to inputs, which tokens do not bear")
            inputs, logits = batch.inputs, full_precision(model(batch.inputs))
            rates = []
            for _ in range(self.samples):
                drawn = to_device(torch.randn(inputs.shape, generator=noise), inputs.device)
                near = (inputs + self.sigma * drawn).clamp(inputs.min(), inputs.max())
                with torch.no_grad():
                    reached = model(near)
                moved = (near - inputs).flatten(1).norm(dim=1)
                rates.append((logits - reached).norm(dim=1) / moved)
            return torch.stack(rates).mean()

        descend(
            model,
            self.settings(task),
            lambda _: forget.epoch(),
            loss,
            steps_per_epoch=len(forget),
        )
