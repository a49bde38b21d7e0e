"""MSG: redraw the convolution weights that distinguish D_f from D_r least, then repair on D_r.

An entry of the NeurIPS 2023 unlearning challenge, as studied in "Deep Unlearn: Benchmarking Machine
Unlearning", arXiv 2410.01276: in each convolution, the share `rate` of the weights with the
smallest |gradient| of l_r - l_f, l_r on n_f examples of D_r, is drawn anew; then descent on D_r,
with gradients of the kept weights times 0.1 and a learning rate that rises and falls linearly.

Differs from the paper: its code takes the gradients in the mode that the model is in, and
redraws the convolutions' biases too; here the gradients are those of `eval()` mode, and biases are
kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch, Split
from mubench.errors import Diverged, InputError
from mubench.methods.base import DescentMethod, ForgetTask, Tensors
from mubench.methods.shared.layers import convolutions_of
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import Hooks, descend

KEPT = 0.1
"""Factor on the gradients of weights that were not redrawn."""


@dataclass(frozen=True, kw_only=True)
class MSG(DescentMethod):
    """Redraw, then descend on D_r; `prepare` finds the gradient, `rate` is the share redrawn."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})

    rate: float = 0.3
    learning_rate: float = 1e-3
    epochs: int = 5
    batch_size: int = 64

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise InputError(f"rate: {self.rate} is not in [0, 1]")

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        weights = [convolution.weight for convolution in convolutions_of(model)]
        order = torch.randperm(len(task.retain), generator=task.generator("subset"))
        retain = task.retain.subset(order[: len(task.forget)])
        gradient = _gradient(model, retain, weights) - _gradient(model, task.forget, weights)
        if not gradient.isfinite().all():
            raise Diverged("the gradient is not finite; check the inputs")
        return {"gradient": gradient}

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        retain = self.loader("retain", task)
        weights = [convolution.weight for convolution in convolutions_of(model)]
        redrawn: list[Tensor] = []

        def batches(epoch: int) -> Iterator[Batch]:
            if epoch == 0:  # inside the descent, which restores theta_o if it fails
                drawn = redraw(weights, prepared["gradient"], self.rate, task.generator("weights"))
                redrawn.extend(drawn)
            yield from retain.epoch()

        def damp(_: torch.optim.Optimizer) -> None:
            for weight, mask in zip(weights, redrawn, strict=True):
                if weight.grad is not None:
                    weight.grad.copy_(torch.where(mask, weight.grad, KEPT * weight.grad))

        def loss(batch: Batch) -> Tensor:
            return cross_entropy(model(batch.inputs), batch.labels, "mean")

        descend(
            model,
            replace(self.settings(task), schedule=self._schedule),
            batches,
            loss,
            steps_per_epoch=len(retain),
            hooks=Hooks(before_step=damp),
        )

    def _schedule(self, progress: float) -> float:
        """Epoch by epoch: 1/3, 2/3, 1, 2/3, 1/3 of the learning rate in five epochs."""
        peak = (self.epochs + 1) // 2
        epoch = int(progress * self.epochs + 1e-9) + 1
        return min(epoch / peak, (self.epochs + 1 - epoch) / (self.epochs + 1 - peak))


@torch.no_grad()
def redraw(
    weights: Sequence[Tensor], gradient: Tensor, rate: float, generator: torch.Generator
) -> list[Tensor]:
    """Draw round(rate * numel) entries of each weight anew, in place; return masks of them.

    `gradient` (d,) holds the weights' entries one after the other; the smallest are redrawn.
    Draws are He et al.'s normal ones (arXiv 1502.01852, fan out).
    """
    masks = []
    for weight, part in zip(weights, gradient.split([w.numel() for w in weights]), strict=True):
        chosen = part.abs().argsort(stable=True)[: round(rate * weight.numel())]
        mask = torch.zeros_like(part, dtype=torch.bool)
        mask[chosen] = True
        masks.append(mask.view_as(weight))
        fresh = torch.empty(weight.shape, dtype=weight.dtype)
        nn.init.kaiming_normal_(fresh, mode="fan_out", nonlinearity="relu", generator=generator)
        weight.copy_(torch.where(masks[-1], fresh.to(weight.device), weight))
    return masks


def _gradient(model: nn.Module, split: Split, weights: Sequence[Tensor]) -> Tensor:
    """Gradient of the mean cross-entropy in `weights`, flat."""
    total = torch.zeros(sum(w.numel() for w in weights), device=split.device)
    for batch in split.batches(256):
        loss = cross_entropy(model(batch.inputs), batch.labels).sum() / len(split)
        gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
        total = total + torch.cat([gradient.flatten() for gradient in gradients])
    return total
