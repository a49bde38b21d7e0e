"""UGradSL: gradient ascent on D_f with negatively smoothed labels, tempered by descent on D_r.

"Label Smoothing Improves Machine Unlearning", arXiv 2406.07698, Eq. 8: minimise
p R_r[l] - (1 - p) R_f[l^alpha], one pass over D_f per epoch while D_r is cycled.

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
class UGradSL(SmoothedAscent):
    """Smoothed ascent that passes over D_f. With alpha = 0 and retain_weight = 0 it is GA."""

    learning_rate: float = 1e-3
    epochs: int = 5
    retain_weight: float = 0.9

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Any) -> None:
        forget, retain = self.loader("forget", task), self.loader("retain", task)
        loss = MixedLoss(model, self, task)
        p = self.retain_weight

        def pairs(epoch: int) -> Iterator[Pair]:
            loss.begin_epoch()
            for batch in forget.epoch():
                yield Pair(
                    forget=batch if p < 1 else None,
                    retain=retain.next(len(batch.labels)) if p > 0 else None,
                )

        descend(
            model,
            self.settings(task),
            pairs,
            loss,
            steps_per_epoch=len(forget),
            hooks=Hooks(after_epoch=loss.end_epoch),
        )
