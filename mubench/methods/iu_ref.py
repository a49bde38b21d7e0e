"""IU-ref: influence unlearning as the released code computes it.

arXiv 2304.04934, code OPTML-Group/Unlearn-Sparse `unlearn/Wfisher.py`, which later code copied.

Differs from the paper: deliberately, as that code does. Its WoodFisher keeps one vector that stays
parallel to the first retain example's gradient, so no inverse Fisher matrix is applied: the update
is v plus a multiple of that gradient, in effect one full-batch step along v. Published "IU" numbers
of this code family are this method; `iu` is the one that the papers describe.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.methods.base import ForgetTask, Method, Tensors
from mubench.methods.shared.gradients import (
    example_gradients,
    gradient_sum,
    removal_vector,
    take_step,
)
from mubench.methods.shared.solvers import woodfisher_ref


@dataclass(frozen=True, kw_only=True)
class IURef(Method):
    """The degenerate influence step; `fisher_count` is the code's N, of which it reads N + 2."""

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})
    prepare_params: ClassVar = ("fisher_count",)

    step_length: float = 10.0
    fisher_count: int = 1000

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        forget, retain = gradient_sum(model, task.forget), gradient_sum(model, task.retain)
        v = removal_vector(forget, retain, len(task.forget), len(task.retain))
        first = task.retain.subset(torch.arange(min(self.fisher_count + 2, len(task.retain))))

        def gradients() -> Iterator[Tensor]:
            for chunk in example_gradients(model, first, task.meter):
                yield from chunk

        return {"v": v, "update": woodfisher_ref(gradients(), v, count=self.fisher_count)}

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        update, v = prepared["update"], prepared["v"]
        task.notes["update_cosine"] = take_step(model, update, v, self.step_length)
