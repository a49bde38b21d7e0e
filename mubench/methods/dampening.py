"""Shared by SSD and LFSSD: dampen the weights that are far more important for D_f than for D.

Each method defines its own importance I of a weight. D is D_f and D_r together. I_D does not depend
on how D is divided: it could be computed before a request arrives, and n_f / (n_f + n) of
`prepare_seconds` would remain.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.data.split import Split
from mubench.methods.base import ForgetTask, Method, Tensors
from mubench.methods.shared.gradients import unflatten


@dataclass(frozen=True, kw_only=True)
class SynapticDampening(Method):
    """theta <- theta min(1, l I_D / I_f) wherever I_f > a I_D.

    `selection` is a and `dampening` is l: alpha and lambda in the papers.
    """

    selection: float = 10.0
    dampening: float = 1.0

    @abstractmethod
    def importances(self, model: nn.Module, *splits: Split) -> Tensor:
        """Importance of each weight for all these splits together, (d,): a mean over batches."""

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        return {
            "forget": self.importances(model, task.forget),
            "all": self.importances(model, task.forget, task.retain),
        }

    @override
    @torch.no_grad()
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        i_f, i_d = prepared["forget"], prepared["all"]
        factors = (self.dampening * i_d / i_f).clamp(max=1)
        factors = torch.where(i_f > self.selection * i_d, factors, 1)
        for name, factor in unflatten(model, factors).items():
            model.get_parameter(name).mul_(factor)
