"""RL: descent on D_f with random labels and on D_r with its own.

"Eternal Sunshine of the Spotless Net", arXiv 1911.04933, in the form of the released code of
SalUn, arXiv 2310.12508: minimise the mean cross-entropy of D_f and D_r together, the labels of D_f
drawn uniformly from all K classes.

Differs from the paper: labels are drawn anew in every epoch (`redraw="once"` keeps the first).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.methods.base import DescentMethod, ForgetTask
from mubench.methods.shared.label_smoothing import gls_loss
from mubench.methods.shared.losses import cross_entropy
from mubench.methods.shared.mixed_batches import Mixed, mixed_epoch, steps
from mubench.models.training.descent import Hooks, descend


@dataclass(frozen=True, kw_only=True)
class RL(DescentMethod):
    """Random labels on D_f, whose own labels only `exclude_true` reads.

    `mixed` shuffles D_f and D_r together, `sequential` ends every epoch with all of D_r. `alpha` is
    the smoothing rate of D_f's loss: below 0 it also pushes down the classes that were not drawn,
    the true one among them, and leaves the loss without a lower bound.
    """

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})

    learning_rate: float = 0.01
    epochs: int = 10
    schedule: Literal["mixed", "sequential"] = "mixed"
    exclude_true: bool = False
    redraw: Literal["epoch", "once"] = "epoch"
    alpha: float = 0.0

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        self.relabel(model, task, Hooks())

    def relabel(self, model: nn.Module, task: ForgetTask, hooks: Hooks) -> None:
        """Run the descent, with `hooks` around its steps."""
        forget, retain = self.loader("forget", task), self.loader("retain", task)
        order, labels = task.generator("mixed"), task.generator("labels")
        is_mixed = self.schedule == "mixed"

        def batches(epoch: int) -> Iterator[Mixed]:
            if epoch == 0 or self.redraw == "epoch":
                forget.split = task.forget.with_labels(self.draw(task, labels))
            if is_mixed:
                yield from mixed_epoch(forget, retain, order)
                return
            for batch in forget.epoch():
                yield Mixed(batch, len(batch.labels))
            for batch in retain.epoch():
                yield Mixed(batch, 0)

        def loss(mixed: Mixed) -> Tensor:
            (inputs, targets, _), n = mixed
            logits = model(inputs)
            smoothed = gls_loss(logits[:n], targets[:n], self.alpha)
            return torch.cat([smoothed, cross_entropy(logits[n:], targets[n:])]).mean()

        per_epoch = steps(forget, retain) if is_mixed else len(forget) + len(retain)
        descend(model, self.settings(task), batches, loss, steps_per_epoch=per_epoch, hooks=hooks)

    def draw(self, task: ForgetTask, generator: torch.Generator) -> Tensor:
        """Labels (n_f,) int64, uniform over all classes or over all but the true one."""
        weights = torch.ones(len(task.forget), task.num_classes)
        if self.exclude_true:
            weights.scatter_(1, task.forget.labels.cpu()[:, None], 0.0)
        return torch.multinomial(weights, 1, generator=generator).squeeze(1)
