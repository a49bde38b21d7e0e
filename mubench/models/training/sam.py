"""SAM: the gradient of the worst loss nearby, for the step of another optimizer.

"Sharpness-Aware Minimization for Efficiently Improving Generalization", arXiv 2010.01412: the
gradient is taken at w + radius g / |g|, the worst point of the ball to first order, g the gradient
at w and |g| its Euclidean norm over all weights (Eq. 2); the step is made from w. Radius 0.05, as
the paper uses on CIFAR-10.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

RADIUS = 0.05
"""How far from the weights SAM takes its gradient."""


def sharpen(model: nn.Module, loss: Callable[[], Tensor]) -> None:
    """Replace the gradients, which are those of `loss` at the weights, by those of the worst point.

    `loss` is computed once more, on the same batch. The weights stay, and so do buffers:
    BatchNorm's running statistics have seen the batch already.
    """
    with moved_up(model, RADIUS), kept_buffers(model):
        model.zero_grad(set_to_none=True)
        loss().backward()


@contextmanager
def moved_up(model: nn.Module, distance: float) -> Iterator[None]:
    """Move the weights by `distance` along their gradients; afterwards they are as before."""
    weights = [p for p in model.parameters() if p.grad is not None]
    before = [p.detach().clone() for p in weights]
    directions = normalised([p.grad for p in weights if p.grad is not None])
    _copy(weights, [w + distance * d for w, d in zip(before, directions, strict=True)])
    try:
        yield
    finally:
        _copy(weights, before)


@contextmanager
def kept_buffers(model: nn.Module) -> Iterator[None]:
    """Buffers that change while the context lasts are afterwards as before."""
    buffers = list(model.buffers())
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        _copy(buffers, before)


def normalised(gradients: Sequence[Tensor]) -> list[Tensor]:
    """The gradients over their Euclidean norm, which is of all of them together; zeros stay."""
    norm = nn.utils.get_total_norm(gradients)
    return [gradient / torch.where(norm > 0, norm, 1.0) for gradient in gradients]


@torch.no_grad()
def _copy(targets: list[nn.Parameter] | list[Tensor], values: list[Tensor]) -> None:
    for target, value in zip(targets, values, strict=True):
        target.copy_(value)
