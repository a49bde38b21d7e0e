"""Theorem 2 of UGradSL measured on a model: would smoothing bring ascent nearer to Retrain?

"Label Smoothing Improves Machine Unlearning", arXiv 2406.07698. All displacements start at the
original's weights and go through one preconditioner M: plain ascent M sum_f grad l_y, ascent on the
other labels M sum_f grad (1/(K-1)) sum_{k != y} l_k, and Retrain's, by influence (see `iu`), H^-1 v
with v = (1/n) sum_f g - n_f/(n n_r) sum_r g. A sum of gradients and H^-1 v compare only where M is
the inverse of the Hessian of the *sum* over D_r, M = (n_r H)^-1, so that H^-1 v = M (n_r v). Then

    a = retrain - plain = -(n_f / n) M (sum_f g + sum_r g)
    b = others  - plain = K/(K-1) M sum_f grad (z_y - mean z)

neither of which is a difference of large numbers. Where M is Newton's, plain ascent is its step,
and differs from Retrain only by what training did not finish, weight decay included. At a
stationary point of the unregularised loss a = 0, and there is nothing for smoothing to improve.

Differs from the paper: re-derived from a secondary description, which gives no M. A diagnostic of
first order, no evidence of unlearning: Retrain's displacement is made of the same gradients as the
ascent's, so that both are blind to what is memorised, whatever Retrain really does there.
"""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn

from mubench.catalogue.seeds import derive_seed
from mubench.data.split import Split
from mubench.errors import Diverged
from mubench.methods.shared.gradients import gauss_newton_product, gradient_sum
from mubench.methods.shared.losses import full_precision
from mubench.methods.shared.solvers import conjugate_gradient
from mubench.metrics.theory import Theorem2, theorem2
from mubench.models.training.cost_meter import Meter

TOLERANCE = 1e-6
"""Relative residual at which a solve stops: angles need more digits than a step does."""


def diagnose(
    model: nn.Module,
    forget: Split,
    retain: Split,
    *,
    preconditioner: Literal["gauss_newton", "identity"] = "gauss_newton",
    damping: float = 1e-2,
    subset: int = 2048,
    iterations: int = 50,
) -> Theorem2:
    """Theorem 2 for a model in `eval()` mode, which stays as it is.

    `gauss_newton` takes H as the Gauss-Newton matrix of at most `subset` examples of D_r plus
    `damping`, inverted by conjugate gradients. It is the default because Retrain's displacement is
    H^-1 v whatever M is: `identity`, H = I, asks about gradients and answers about weights only
    where the loss is equally curved in all directions.

    Costs two passes with gradients over D_f and one over D_r; `gauss_newton` adds at most
    2 (iterations + 1) products with H, each about three passes with gradients over its subset.

    Raises:
        ValueError: a or b is zero.
        Diverged: a gradient or a product is not finite.
    """
    n_f, n_r = len(forget), len(retain)
    training = gradient_sum(model, forget) + gradient_sum(model, retain)
    a = -n_f / (n_f + n_r) * training / n_r
    b = gradient_sum(model, forget, contrast) / n_r
    if not (a.isfinite().all() and b.isfinite().all()):
        raise Diverged("a gradient of the original is not finite; check the inputs")
    residual = 0.0
    if preconditioner == "gauss_newton":
        order = torch.Generator().manual_seed(derive_seed("theorem2", "curvature"))
        sample = retain.subset(torch.randperm(n_r, generator=order)[:subset])

        def product(u: Tensor) -> Tensor:
            return gauss_newton_product(model, sample, u, Meter()) + damping * u

        solved = [
            conjugate_gradient(product, v, iterations=iterations, tolerance=TOLERANCE)
            for v in (a, b)
        ]
        left = [(product(u) - v).norm() / v.norm() for u, v in zip(solved, (a, b), strict=True)]
        residual, (a, b) = max(left).item(), solved
    with torch.no_grad():
        num_classes = model(forget.take(torch.arange(1)).inputs).shape[1]
    diagnosis = theorem2(a.double().cpu().numpy(), b.double().cpu().numpy(), num_classes)
    return replace(diagnosis, residual=residual)


def contrast(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over k != y of l_k, less l_y (b,), of logits (b, K): linear, K/(K-1) (z_y - mean z)."""
    logits = full_precision(logits)
    k = logits.shape[1]
    true = logits.gather(1, labels[:, None]).squeeze(1)
    return k / (k - 1) * (true - logits.mean(1))
