"""EU-k: exact unlearning of the last k blocks, which are trained again from scratch on D_r.

"Towards Adversarial Evaluations for Inexact Machine Unlearning", arXiv 2201.06640: reset the last k
layers to the initial weights, then train them on D_r while the others are frozen.

Differs from the paper: as CF-k does, and a few epochs at a constant learning rate stand for the
whole training. Buffers are reset too: with k = all blocks and the recipe's settings it is Retrain.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn
from typing_extensions import override

from mubench.methods.base import ForgetTask
from mubench.methods.cf_k import CFk, last_blocks
from mubench.methods.shared.layers import frozen_state


@dataclass(frozen=True, kw_only=True)
class EUk(CFk):
    """CF-k from the initial weights of what it trains."""

    needs: ClassVar = frozenset({"retain", "initial_weights"})

    @override
    def begin(self, model: nn.Module, task: ForgetTask) -> None:
        """Reset what is trained, within the first epoch: if that fails, the reset is undone.

        What the model has frozen stays.
        """
        initial = last_blocks(task.new_model(), task.num_classes, self.k)
        parts = zip(last_blocks(model, task.num_classes, self.k), initial, strict=True)
        for part, start in parts:
            part.load_state_dict(start.state_dict() | frozen_state(part))
