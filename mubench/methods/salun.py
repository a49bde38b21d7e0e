"""SalUn: random labels on D_f, learned only by the weights with the largest gradients on D_f.

"SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency in Both Image
Classification and Generation", arXiv 2310.12508: a weight is trainable if its gradient of the
cross-entropy on D_f at theta_o is among the largest in size; then RL.

Differs from the paper: the gradients of D_f's examples are summed, where the released code sums
those of batch means, so that a short last batch counts more. There, until 2026, weight decay and
momentum moved the other weights as well: `strict_mask=False`. BatchNorm's statistics are not
masked.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.errors import Diverged, InputError
from mubench.methods.base import ForgetTask, Tensors
from mubench.methods.rl import RL
from mubench.methods.shared.gradients import gradient_sum
from mubench.models.training.descent import Hooks


@dataclass(frozen=True, kw_only=True)
class SalUn(RL):
    """RL on the `trainable_share` of the weights with the largest gradients on D_f.

    With `strict_mask` the others keep their values; without it only their gradients are zeroed.
    """

    learning_rate: float = 0.013
    trainable_share: float = 0.5
    strict_mask: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.trainable_share <= 1:
            raise InputError(f"trainable_share: {self.trainable_share} is not in [0, 1]")

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        saliency = gradient_sum(model, task.forget).abs()
        if not torch.isfinite(saliency).all():
            raise Diverged("the gradient on D_f is not finite; check the inputs")
        return {"saliency": saliency}

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        saliency = prepared["saliency"].to(task.device)
        parameters = [p for p in model.parameters() if p.requires_grad]
        flat = largest(saliency, int(self.trainable_share * len(saliency)))
        parts = flat.split([p.numel() for p in parameters])
        masked = [
            (p, p.detach().clone(), part.view_as(p))
            for p, part in zip(parameters, parts, strict=True)
        ]

        def zero_gradients(_: torch.optim.Optimizer) -> None:
            for p, _start, mask in masked:
                if p.grad is not None:
                    p.grad.mul_(mask)

        @torch.no_grad()
        def restore(_: torch.optim.Optimizer) -> None:
            for p, start, mask in masked:
                p.copy_(torch.where(mask, p, start))

        # restoring the other weights is right whatever momentum and weight decay did to them
        hooks = Hooks(after_step=restore) if self.strict_mask else Hooks(before_step=zero_gradients)
        self.relabel(model, task, hooks)


def largest(values: Tensor, count: int) -> Tensor:
    """Mask (d,) bool of exactly the `count` largest of values (d,); of equal ones, the first."""
    if count == 0:
        return torch.zeros_like(values, dtype=torch.bool)
    least = values.kthvalue(len(values) - count + 1).values
    above, tied = values > least, values == least
    return above | (tied & (tied.cumsum(0) <= count - above.sum()))
