"""MU-Mis: lower the sensitivity of D_f's own logits to the input, raise that of another's.

"Remaining-data-free Machine Unlearning by Suppressing Sample Contribution", arXiv 2402.15109:
minimise the mean over D_f of |grad_x z_y|^2 - |grad_x z_k|^2, z the logits, y the label and k
another class, drawn anew for every example and step. It ends when the sensitivity |grad_x z_k| is
above the lowest so far and above `recovery` times the first.

Differs from the paper: the sensitivity that ends it is the mean over an epoch's steps, the first
epoch's in place of the original's, so that it costs nothing. Its threshold, learning rate and
epochs could not be verified. BatchNorm keeps its statistics by default: with those of a batch the
gradient is no single example's.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from typing_extensions import override

from mubench.data.split import Batch, to_device
from mubench.errors import InputError, Refused
from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.losses import full_precision
from mubench.models.training.descent import Hooks, NormMode, descend


@dataclass(frozen=True, kw_only=True)
class MUMis(DescentMethod):
    """Descent on the squared input gradients of D_f's logits."""

    needs: ClassVar = frozenset({"forget", "forget_labels"})

    learning_rate: float = 1e-4
    epochs: int = 10
    batch_size: int = 128
    recovery: float = 1.0
    weight_decay: float = 0.0
    bn_mode: NormMode = "eval_frozen"

    def __post_init__(self) -> None:
        if self.recovery <= 0:
            raise InputError(f"recovery: {self.recovery} is not above 0")

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, classes = self.loader("forget", task), task.generator("classes")
        norms: list[Tensor] = []
        of_epochs: list[float] = []

        def loss(batch: Batch) -> Tensor:
            if isinstance(batch.inputs, dict):
                raise Refused("mu_mis needs gradients in the inputs, which tokens do not have")
            inputs = batch.inputs.detach().requires_grad_()
            with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
                logits = full_precision(model(inputs))
            further = torch.randint(1, task.num_classes, batch.labels.shape, generator=classes)
            others = (batch.labels + to_device(further, task.device)) % task.num_classes
            own, other = (sensitivity(logits, k, inputs) for k in (batch.labels, others))
            norms.append(other.detach().sqrt())
            task.meter.count(backward=len(batch.labels))  # through the gradients, past the logits
            return (own - other).mean()

        def is_recovered(epoch: int) -> bool:
            of_epochs.append(torch.cat(norms).mean().item())
            norms.clear()
            return of_epochs[-1] > max(min(of_epochs), self.recovery * of_epochs[0])

        descend(
            model,
            self.settings(task),
            lambda _: forget.epoch(),
            loss,
            steps_per_epoch=len(forget),
            hooks=Hooks(after_epoch=is_recovered),
        )


def sensitivity(logits: Tensor, classes: Tensor, inputs: Tensor) -> Tensor:
    """Squared norms (b,) of gradients in inputs (b, ...): of each one's logit of its class (b,)."""
    chosen = logits.gather(1, classes[:, None]).sum()
    (slope,) = torch.autograd.grad(chosen, inputs, create_graph=True)
    return slope.flatten(1).square().sum(1)
