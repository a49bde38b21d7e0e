"""Gradients and curvature of the mean cross-entropy as flat vectors, for influence methods.

The model stays in `eval()` mode: BatchNorm and dropout are fixed functions here. A flat vector
(d,) holds the trainable parameters in their order.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from mubench.data.split import Inputs, Split
from mubench.errors import Diverged
from mubench.methods.losses import cross_entropy, full_precision
from mubench.methods.solvers import cosine
from mubench.training.meter import Meter

BATCH = 256
GRADIENT_ENTRIES = 2**26
"""Most numbers that one chunk of per-example gradients may hold: 256 MiB in float32."""


class Direction(NamedTuple):
    """What an influence method adds to the weights, before its step length."""

    update: Tensor
    """H^-1 v, (d,)."""
    cosine: float
    """Cosine between the update and v: 1 where the inverse curvature did nothing."""


def direction(update: Tensor, v: Tensor) -> Direction:
    """The update (d,) and how it turned v (d,).

    Raises:
        Diverged: the update is not finite.
    """
    if not torch.isfinite(update).all():
        raise Diverged("the influence direction is not finite; check the inputs, or raise damping")
    return Direction(update, cosine(update, v))


def gradient_sum(model: nn.Module, split: Split) -> Tensor:
    """Sum over the split of the gradients of the cross-entropy, (d,)."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    total = torch.zeros_like(flatten(parameters))
    for batch in split.batches(BATCH):
        loss = cross_entropy(model(batch.inputs), batch.labels).sum()
        total += flatten(torch.autograd.grad(loss, parameters, materialize_grads=True))
    return total


def removal_vector(forget_sum: Tensor, retain_sum: Tensor, n_forget: int, n_retain: int) -> Tensor:
    """How removal shifts the gradient: (1/n) sum_f g - n_f / (n n_r) sum_r g, (d,).

    At a stationary point of the regularised objective on D_f and D_r together, it is minus the
    gradient of the regularised objective on D_r.
    """
    n = n_forget + n_retain
    return forget_sum / n - n_forget / (n * n_retain) * retain_sum


def gauss_newton_product(model: nn.Module, split: Split, u: Tensor, meter: Meter) -> Tensor:
    """J^T S J u (d,), averaged over the split, S the softmax cross-entropy's Hessian in logits.

    Positive semi-definite, and the Hessian itself where logits are linear in the parameters.
    """
    total = torch.zeros_like(u)
    for batch in split.batches(BATCH):
        with meter.paused():
            total += _batch_product(model, batch.inputs, u)
        # the tangent goes forward beside its example
        meter.count(forward=2 * len(batch.labels), backward=len(batch.labels))
    return total / len(split)


def example_gradients(model: nn.Module, split: Split, meter: Meter) -> Iterator[Tensor]:
    """The gradients of single examples in the split's order, in chunks (c, d)."""
    parameters, buffers = _trainable(model), _fixed(model)

    def loss(values: dict[str, Tensor], inputs: Inputs, label: Tensor) -> Tensor:
        logits = functional_call(model, (values, buffers), (_alone(inputs),))
        return cross_entropy(logits, label[None]).sum()

    size = sum(p.numel() for p in parameters.values())
    chunk = max(1, min(BATCH, GRADIENT_ENTRIES // size))
    for batch in split.batches(chunk):
        with meter.paused(), sdpa_kernel(SDPBackend.MATH):
            found = vmap(grad(loss), (None, 0, 0))(parameters, batch.inputs, batch.labels)
        meter.count(forward=len(batch.labels), backward=len(batch.labels))
        yield torch.cat([found[name].reshape(len(batch.labels), -1) for name in parameters], 1)


def flatten(tensors: Sequence[Tensor]) -> Tensor:
    """One vector (d,) out of many tensors."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


@torch.no_grad()
def add_flat(model: nn.Module, vector: Tensor, scale: float) -> None:
    """Add scale times a flat vector (d,) to the trainable parameters, in place."""
    for name, step in _unflatten(model, vector).items():
        model.get_parameter(name).add_(step, alpha=scale)


def _batch_product(model: nn.Module, inputs: Inputs, u: Tensor) -> Tensor:
    """J^T S J u (d,), summed over a batch: J u by dual numbers, J^T by the same graph."""
    values = {name: p for name, p in model.named_parameters() if p.requires_grad}
    steps = _unflatten(model, u)
    with _quiet(), sdpa_kernel(SDPBackend.MATH), forward_ad.dual_level():
        duals = {name: forward_ad.make_dual(p, steps[name]) for name, p in values.items()}
        outputs = functional_call(model, duals, (inputs,))
        logits, tangent = forward_ad.unpack_dual(full_precision(outputs))
    q, tangent = logits.detach().softmax(1), tangent.detach()
    cotangent = q * (tangent - (q * tangent).sum(1, keepdim=True))
    found = torch.autograd.grad(logits, [*values.values()], cotangent, materialize_grads=True)
    return flatten(found)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide that torch, on first use of dual numbers, calls what it deprecates itself."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.script")
        yield


def _alone(inputs: Inputs) -> Inputs:
    """One example as a batch of one."""
    if isinstance(inputs, dict):
        return {name: value[None] for name, value in inputs.items()}
    return inputs[None]


def _trainable(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def _fixed(model: nn.Module) -> dict[str, Tensor]:
    frozen = {name: p for name, p in model.named_parameters() if not p.requires_grad}
    return frozen | dict(model.named_buffers())


def _unflatten(model: nn.Module, vector: Tensor) -> dict[str, Tensor]:
    parameters = _trainable(model)
    parts = vector.split([p.numel() for p in parameters.values()])
    return {
        name: part.view_as(p) for (name, p), part in zip(parameters.items(), parts, strict=True)
    }
