"""CT: transpose every convolution kernel, then repair on D_r.

An entry of the NeurIPS 2023 unlearning challenge, as studied in "Deep Unlearn: Benchmarking Machine
Unlearning", arXiv 2410.01276: swap height and width of all kernels, then SGD on the mean
cross-entropy of D_r, 3 epochs from 0.001 down a cosine. As in the paper; the learning
rate is lowered at every step, not every epoch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.errors import Refused
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.layers import convolutions_of
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import cosine, descend


@dataclass(frozen=True, kw_only=True)
class CT(DescentMethod):
    """Transposition, then descent on D_r."""

    needs: ClassVar = frozenset({"retain"})

    learning_rate: float = 1e-3
    epochs: int = 3
    batch_size: int = 64

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        retain, convolutions = self.loader("retain", task), convolutions_of(model)

        def batches(epoch: int) -> Iterator[Batch]:
            if epoch == 0:  # inside the descent, which restores theta_o if it fails
                transpose(convolutions)
            yield from retain.epoch()

        def loss(batch: Batch) -> Tensor:
            return cross_entropy(model(batch.inputs), batch.labels, "mean")

        descend(
            model,
            replace(self.settings(task), schedule=cosine),
            batches,
            loss,
            steps_per_epoch=len(retain),
        )


@torch.no_grad()
def transpose(convolutions: Sequence[nn.Conv2d]) -> None:
    """Swap height and width of all kernels, in place; twice is the identity.

    Raises:
        Refused: a kernel is not square; nothing is changed then.
    """
    for convolution in convolutions:
        height, width = convolution.kernel_size
        if height != width:
            raise Refused(f"ct transposes square kernels; this model has one of {height}x{width}")
    for convolution in convolutions:
        convolution.weight.copy_(convolution.weight.mT.clone())
