"""IU: one influence-function step from the original towards the model trained without D_f.

"Understanding Black-box Predictions via Influence Functions", arXiv 1703.04730, as an unlearning
method in arXiv 2304.04934: theta_o + a H^-1 v with v = (1/n) sum_f g - n_f / (n n_r) sum_r g.

Differs from the paper: H is the damped Gauss-Newton matrix of D_r, applied by conjugate gradients
on a fixed subset, in place of the released one-vector WoodFisher (here `iu_ref`). BatchNorm's
statistics stay as they are.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.methods import solvers
from mubench.methods.base import ForgetTask, Method
from mubench.methods.influence import (
    Direction,
    add_flat,
    direction,
    example_gradients,
    flatten,
    gauss_newton_product,
    gradient_sum,
    removal_vector,
)


@dataclass(frozen=True, kw_only=True)
class IU(Method):
    """An influence step; `prepare` solves for its direction, `unlearn` takes `step_length` of it.

    `v_mode="neg_grad_retain"` steps down the gradient on D_r itself, with the L2 term
    `weight_decay` that the original was trained with: it also finishes the original's training.
    `cg` and `lissa` see at most `subset` retain examples, `woodfisher_exact` `fisher_examples`.
    """

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})
    prepare_params: ClassVar = (
        "solver",
        "v_mode",
        "weight_decay",
        "damping",
        "subset",
        "iterations",
        "fisher_examples",
        "lissa_scale",
        "lissa_repeats",
        "lissa_batch_size",
    )

    step_length: float = 1.0
    solver: Literal["cg", "woodfisher_exact", "lissa"] = "cg"
    v_mode: Literal["reweight", "neg_grad_retain"] = "reweight"
    weight_decay: float = 5e-4
    damping: float = 1e-2
    subset: int = 2048
    iterations: int = 50
    fisher_examples: int = 128
    lissa_scale: float = 100.0
    lissa_repeats: int = 1
    lissa_batch_size: int = 64

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Direction:
        v = self._vector(model, task)
        solve = {"cg": self._cg, "woodfisher_exact": self._woodfisher, "lissa": self._lissa}
        return direction(solve[self.solver](model, task, v), v)

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Direction) -> None:
        task.notes["update_cosine"] = prepared.cosine
        add_flat(model, prepared.update, self.step_length)

    def _vector(self, model: nn.Module, task: ForgetTask) -> Tensor:
        retain = gradient_sum(model, task.retain)
        if self.v_mode == "neg_grad_retain":
            weights = flatten([p for p in model.parameters() if p.requires_grad])
            return -retain / len(task.retain) - self.weight_decay * weights
        forget = gradient_sum(model, task.forget)
        return removal_vector(forget, retain, len(task.forget), len(task.retain))

    def _cg(self, model: nn.Module, task: ForgetTask, v: Tensor) -> Tensor:
        sample = task.retain.subset(self._draw(task, self.subset))

        def product(u: Tensor) -> Tensor:
            return gauss_newton_product(model, sample, u, task.meter) + self.damping * u

        return solvers.conjugate_gradient(product, v, iterations=self.iterations)

    def _woodfisher(self, model: nn.Module, task: ForgetTask, v: Tensor) -> Tensor:
        sample = task.retain.subset(self._draw(task, self.fisher_examples))
        gradients = torch.cat(list(example_gradients(model, sample, task.meter)))
        return solvers.woodfisher_exact(gradients, v, damping=self.damping)

    def _lissa(self, model: nn.Module, task: ForgetTask, v: Tensor) -> Tensor:
        order = self._draw(task, len(task.retain))

        def product(u: Tensor) -> Tensor:
            nonlocal order
            rows, order = order[: self.lissa_batch_size], order.roll(-self.lissa_batch_size)
            batch = task.retain.subset(rows)
            return gauss_newton_product(model, batch, u, task.meter) + self.damping * u

        runs = [
            solvers.lissa(product, v, scale=self.lissa_scale, iterations=self.iterations)
            for _ in range(self.lissa_repeats)
        ]
        return torch.stack(runs).mean(0)

    def _draw(self, task: ForgetTask, count: int) -> Tensor:
        """Positions of at most `count` retain examples, drawn without replacement."""
        order = torch.randperm(len(task.retain), generator=task.generator("curvature"))
        return order[:count]
