"""UGradSL+: fine-tuning on D_r, mixed with ascent on D_f with negatively smoothed labels.

"Label Smoothing Improves Machine Unlearning", arXiv 2406.07698, Eq. 8: minimise
p R_r[l] - (1 - p) R_f[l^alpha], one pass over D_r per epoch while D_f is cycled.

Differs from the paper: re-implemented from secondary descriptions, its settings are unpublished
here. R is the mean by default and not the sum, the epochs are fixed in place of "convergence", and
the adaptive rate is negative (see `label_smoothing.py`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn
from typing_extensions import override

from mubench.methods.base import ForgetTask
from mubench.methods.smoothed_ascent import MixedLoss, Pair, SmoothedAscent
from mubench.models.training.descent import Hooks, descend


@dataclass(frozen=True, kw_only=True)
class UGradSLPlus(SmoothedAscent):
    """Smoothed ascent that passes over D_r. With retain_weight = 1 it is FT."""

    learning_rate: float = 1e-2
    epochs: int = 5
    retain_weight: float = 0.95

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, retain = self.loader("forget", task), self.loader("retain", task)
        loss = MixedLoss(model, self, task)
        p = self.retain_weight

        def pairs(epoch: int) -> Iterator[Pair]:
            loss.begin_epoch()
            for batch in retain.epoch():
                yield Pair(
                    forget=forget.next(len(batch.labels)) if p < 1 else None,
                    retain=batch if p > 0 else None,
                )

        descend(
            model,
            self.settings(task),
            pairs,
            loss,
            steps_per_epoch=len(retain),
            hooks=Hooks(after_epoch=loss.end_epoch),
        )
