"""What SSD and LFSSD share: dampening of the weights that matter far more to D_f than to D.

Each file shows its own importance I of a weight. D is D_f and D_r together; its batches are those
of D_f and then those of D_r, so that I_D costs one pass over D_r beyond I_f. It does not depend on
the request and could be had before one comes: what is left is n_f / n of `prepare_seconds`.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Split
from mubench.methods.base import ForgetTask, Method, Tensors
from mubench.methods.influence import FISHER_BATCH, unflatten


@dataclass(frozen=True, kw_only=True)
class SynapticDampening(Method):
    """theta <- theta min(1, l I_D / I_f) wherever I_f > a I_D.

    `selection` is a and `dampening` is l: alpha and lambda in the papers.
    """

    selection: float = 10.0
    dampening: float = 1.0

    @abstractmethod
    def importances(self, model: nn.Module, split: Split) -> Tensor:
        """How much each weight matters to a split, (d,), as a mean over its batches."""

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        forget, retain = task.forget, task.retain
        b_f, b_r = (-(-len(split) // FISHER_BATCH) for split in (forget, retain))
        i_f, i_r = self.importances(model, forget), self.importances(model, retain)
        return {"forget": i_f, "all": (b_f * i_f + b_r * i_r) / (b_f + b_r)}

    @override
    @torch.no_grad()
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        i_f, i_d = prepared["forget"], prepared["all"]
        factors = (self.dampening * i_d / i_f).clamp(max=1)
        factors = torch.where(i_f > self.selection * i_d, factors, 1)
        for name, factor in unflatten(model, factors).items():
            model.get_parameter(name).mul_(factor)
