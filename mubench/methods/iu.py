"""IU: one influence-function step from the original towards the model trained without D_f.

"Understanding Black-box Predictions via Influence Functions", arXiv 1703.04730, as an unlearning
method in arXiv 2304.04934: theta_o + a H^-1 v with v = (1/n) sum_f g - n_f / (n n_r) sum_r g.

Differs from the paper: H is the damped Gauss-Newton matrix of D_r on a fixed subset, applied by
conjugate gradients (from a Krylov basis, which serves every damping), in place of the released
one-vector WoodFisher (here `iu_ref`). BatchNorm's statistics stay as they are.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from typing_extensions import override

from mubench.methods.base import ForgetTask, Method, Tensors
from mubench.methods.shared import solvers
from mubench.methods.shared.gradients import (
    flatten,
    gauss_newton_product,
    gradient_matrix,
    gradient_sum,
    removal_vector,
    take_step,
)


@dataclass(frozen=True, kw_only=True)
class IU(Method):
    """An influence step of `step_length`; `prepare` computes what serves every damping.

    `v_mode="neg_grad_retain"` steps down the gradient on D_r itself, with the L2 term
    `weight_decay` that the original was trained with: it also finishes the original's training.
    `cg` sees at most `subset` retain examples, `woodfisher_exact` `fisher_examples`, `lissa` one
    batch an iteration of all. The preparation holds `iterations` (`cg`) or `fisher_examples`
    vectors of the model's size, on the host where these take more than 4 GiB. LiSSA forgets its
    start within scale / (curvature + damping) iterations: along directions flatter than
    lissa_scale / lissa_iterations it falls short.
    """

    needs: ClassVar = frozenset({"forget", "forget_labels", "retain"})
    prepare_params: ClassVar = (
        "solver",
        "v_mode",
        "weight_decay",
        "subset",
        "iterations",
        "fisher_examples",
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
    lissa_iterations: int = 1000
    lissa_repeats: int = 1
    lissa_batch_size: int = 64

    @override
    def prepare(self, model: nn.Module, task: ForgetTask) -> Tensors:
        v = self._vector(model, task)
        if self.solver == "cg":
            sample = task.retain.subset(self._draw(task, self.subset))

            def product(u: Tensor) -> Tensor:
                return gauss_newton_product(model, sample, u, task.meter)

            krylov = solvers.krylov(product, v, iterations=self.iterations)
            return {"v": v, **krylov._asdict()}
        if self.solver == "woodfisher_exact":
            sample = task.retain.subset(self._draw(task, self.fisher_examples))
            return {"v": v, "gradients": gradient_matrix(model, sample, task.meter)}
        return {"v": v}

    @override
    def unlearn(self, model: nn.Module, task: ForgetTask, prepared: Tensors) -> None:
        v = prepared["v"]
        if self.solver == "cg":
            krylov = solvers.Krylov(prepared["basis"], prepared["projected"])
            update = krylov.solve(v, self.damping)
        elif self.solver == "woodfisher_exact":
            update = solvers.woodfisher_exact(prepared["gradients"], v, damping=self.damping)
        else:
            update = self._lissa(model, task, v)
        task.notes["update_cosine"] = take_step(model, update, v, self.step_length)

    def _vector(self, model: nn.Module, task: ForgetTask) -> Tensor:
        retain = gradient_sum(model, task.retain)
        if self.v_mode == "neg_grad_retain":
            weights = flatten([p for p in model.parameters() if p.requires_grad])
            return -retain / len(task.retain) - self.weight_decay * weights
        forget = gradient_sum(model, task.forget)
        return removal_vector(forget, retain, len(task.forget), len(task.retain))

    def _lissa(self, model: nn.Module, task: ForgetTask, v: Tensor) -> Tensor:
        model.eval()
        order = self._draw(task, len(task.retain))

        def product(u: Tensor) -> Tensor:
            nonlocal order
            rows, order = order[: self.lissa_batch_size], order.roll(-self.lissa_batch_size)
            batch = task.retain.subset(rows)
            return gauss_newton_product(model, batch, u, task.meter) + self.damping * u

        runs = [
            solvers.lissa(product, v, scale=self.lissa_scale, iterations=self.lissa_iterations)
            for _ in range(self.lissa_repeats)
        ]
        return torch.stack(runs).mean(0)

    def _draw(self, task: ForgetTask, count: int) -> Tensor:
        """Positions of at most `count` retain examples, drawn without replacement."""
        order = torch.randperm(len(task.retain), generator=task.generator("curvature"))
        return order[:count]
