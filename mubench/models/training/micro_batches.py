"""Large batches in little memory: the model sees one piece after the other.

Each piece is forgotten after its forward pass and computed again when its gradients are needed
("Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174), so that there are never the
activations of two.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mubench.data.split import Batch, select
from mubench.errors import InputError


def in_pieces(loss: Callable[[Batch], Tensor], size: int) -> Callable[[Batch], Tensor]:
    """A mean loss as the same mean over pieces of at most `size` examples, even in size.

    Value and gradients are those of the whole batch up to rounding, for a third more time. Dropout
    draws the same numbers again, but others than for the whole batch.
    """

    def of_batch(batch: Batch) -> Tensor:
        losses = [
            checkpoint(loss, piece, use_reentrant=False) * (len(piece.labels) / len(batch.labels))
            for piece in pieces(batch, size)
        ]
        return torch.stack(losses).sum()

    return of_batch


def pieces(batch: Batch, size: int) -> Iterator[Batch]:
    """A batch in as few pieces as have at most `size` examples; they differ by at most one."""
    count = len(batch.labels)
    rows = torch.arange(count, device=batch.labels.device)
    for part in rows.tensor_split(-(-count // size)):
        yield Batch(select(batch.inputs, part), batch.labels[part], batch.ids[part])


def require_no_batch_norm(model: nn.Module) -> None:
    """Refuse a model whose examples see each other.

    Raises:
        InputError: it has BatchNorm, whose statistics would be those of a piece, and count twice.
    """
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in model.modules()):
        raise InputError(
            "training.micro_batch: this model has BatchNorm, which needs the whole batch; leave "
            "micro_batch out, or lower batch_size"
        )
