"""NegMerge: subtract what several fine-tunings on D_f agree upon.

"NegMerge: Sign-Consensual Weight Merging for Machine Unlearning", arXiv 2410.05583: fine-tune the
original on D_f several times, with different hyperparameters, and take each result less the
original, its task vector. Their mean is kept where all of them have the same sign, and is 0
elsewhere. The unlearned model is the original less `scale` times it.

Differs from the paper: the fine-tunings differ in learning rate, evenly in its logarithm up to a
factor `spread` above and below, and in the order of D_f; the paper's grids vary more. The scale is
a hyperparameter of the search. BatchNorm's statistics stay the original's.
"""

import copy
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Batch
from mubench.errors import InputError
from mubench.methods.base import DescentMethod, ForgetTask, Tensors
from mubench.methods.shared.gradients import add_flat, flatten
from mubench.methods.shared.losses import cross_entropy
from mubench.models.training.descent import descend


@dataclass(frozen=True, kw_only=True)
class NegMerge(DescentMethod):
    """Negation of merged task vectors; `models` fine-tunings are shared by all scales."""

    needs: ClassVar = frozenset({"forget", "forget_labels"})
    prepare_params: ClassVar = (
        *("learning_rate", "epochs", "batch_size", "momentum", "weight_decay", "optimizer"),
        *("clip_norm", "bn_mode", "augment", "models", "spread"),
    )

    learning_rate: float = 0.01
    epochs: int = 5
    weight_decay: float = 0.0
    models: int = 5
    spread: float = 10.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.models < 1:
            raise InputError(f"models: {self.models} is not above 0")
        if self.spread < 1:
            raise InputError(f"spread: {self.spread} is below 1")

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        forget, settings = self.loader("forget", task), self.settings(task)
        start = _trainable(model)
        total, signs = torch.zeros_like(start), torch.zeros_like(start)
        for power in torch.linspace(-1, 1, self.models).tolist():
            tuned = copy.deepcopy(model)

            def loss(batch: Batch, tuned: nn.Module = tuned) -> Tensor:
                return cross_entropy(tuned(batch.inputs), batch.labels, "mean")

            descend(
                tuned,
                replace(settings, learning_rate=self.learning_rate * self.spread**power),
                lambda _: forget.epoch(),
                loss,
                steps_per_epoch=len(forget),
            )
            vector = _trainable(tuned) - start
            total += vector
            signs += vector.sign()
        return {"merged": torch.where(signs.abs() == self.models, total / self.models, 0.0)}

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        add_flat(model, prepared["merged"].to(task.device), -self.scale)


def _trainable(model: nn.Module) -> Tensor:
    return flatten([p for p in model.parameters() if p.requires_grad])
