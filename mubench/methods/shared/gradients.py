"""Gradients and curvature of the mean cross-entropy as flat vectors, for influence methods.

The model stays in `eval()` mode: BatchNorm and dropout are fixed functions here. A flat vector
(d,) holds the trainable parameters in their order.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from mubench.catalogue.seeds import derive_seed
from mubench.data.split import Batch, Inputs, Split, join
from mubench.errors import Diverged
from mubench.methods.shared.losses import cross_entropy, full_precision
from mubench.methods.shared.solvers import cosine, room_for
from mubench.models.training.cost_meter import Meter

BATCH = 256
FISHER_BATCH = 64
"""Examples whose gradients `batch_fisher` averages before it squares: part of its definition."""
CHUNK = 64
"""Most gradients in one chunk of `example_gradients`: on a CPU, longer chunks are slower."""
GRADIENT_ENTRIES = 2**26
"""Most numbers that one chunk of per-example gradients may hold: 256 MiB in float32."""

Losses = Callable[[Tensor, Tensor], Tensor]
"""From logits (b, K) and labels (b,) to losses."""


def gradient_sum(model: nn.Module, split: Split, losses: Losses = cross_entropy) -> Tensor:
    """Sum over the split of the gradients of the cross-entropy, or of other `losses` (b,), (d,)."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    total = torch.zeros_like(flatten(parameters))
    for batch in split.batches(BATCH):
        loss = losses(model(batch.inputs), batch.labels).sum()
        total += flatten(torch.autograd.grad(loss, parameters, materialize_grads=True))
    return total


def batch_fisher(
    model: nn.Module,
    *splits: Split,
    losses: Losses = cross_entropy,
    size: Callable[[Tensor], Tensor] = torch.square,
) -> Tensor:
    """Mean over batches of the squared gradient of a batch's mean cross-entropy, (d,).

    What SSD and SFRon call the Fisher diagonal: smaller than that by up to the batch size, so the
    size is fixed. LFSSD has other `losses` (b,), and the absolute value as the `size` of an entry
    in place of the square. The splits' examples are mixed as `shuffled` does.

    Raises:
        Diverged: it is not finite.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    total, count = torch.zeros_like(flatten(parameters)), 0
    for batch in shuffled(*splits):
        loss = losses(model(batch.inputs), batch.labels).mean()
        gradient = torch.autograd.grad(loss, parameters, materialize_grads=True)
        total += size(flatten(gradient))
        count += 1
    return _finite(total / count)


def shuffled(*splits: Split, size: int = FISHER_BATCH) -> Iterator[Batch]:
    """Every example of all splits once, in even batches of at most `size`.

    The examples' ids alone decide which share a batch: neither their splits nor the order of the
    data. Batches of one class each, as of a folder sorted by class, have far larger mean
    gradients, and so have batches of D_f alone and of D_r alone.
    """
    ids = torch.cat([split.ids.cpu() for split in splits])
    mixed = torch.randperm(len(ids), generator=torch.Generator().manual_seed(derive_seed("mixed")))
    order = ids.argsort(stable=True)[mixed]
    for places in order.tensor_split(-(-len(ids) // size)):
        parts, first = [], 0
        for split in splits:
            inside = places[(places >= first) & (places < first + len(split))] - first
            if len(inside):
                parts.append(split.take(inside))
            first += len(split)
        yield join(parts)


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
    for chunk in _example_gradients(model, split, meter, cross_entropy, 1, lambda rows: rows[0]):
        yield torch.cat([gradient.reshape(len(gradient), -1) for gradient in chunk.values()], 1)


def gradient_matrix(model: nn.Module, split: Split, meter: Meter) -> Tensor:
    """The gradients of single examples (n, d), in the split's order; where, see `room_for`."""
    rows, start = room_for(len(split), flatten([*_trainable(model).values()])), 0
    for chunk in example_gradients(model, split, meter):
        stop = start + len(chunk)
        rows[start:stop] = chunk
        start = stop
    return rows


def squared_gradients(
    model: nn.Module, split: Split, meter: Meter, losses: Losses, n_losses: int
) -> Tensor:
    """Mean over examples of the sum of the squared gradients of an example's losses, (d,).

    `losses` gets one example, logits (1, K) and a label (1,), and gives `n_losses` of them.

    Raises:
        Diverged: it is not finite.
    """
    total = {name: torch.zeros_like(p) for name, p in _trainable(model).items()}

    def fold(rows: Tensor) -> Tensor:
        return rows.square().sum(0)

    for folded in _example_gradients(model, split, meter, losses, n_losses, fold):
        for name, squares in folded.items():
            total[name] += squares.sum(0)
    return _finite(flatten([*total.values()]) / len(split))


def flatten(tensors: Sequence[Tensor]) -> Tensor:
    """One vector (d,) out of many tensors."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def take_step(model: nn.Module, update: Tensor, v: Tensor, scale: float) -> float:
    """Add scale times the update H^-1 v (d,) in place; return the cosine between update and v.

    Raises:
        Diverged: the update is not finite.
    """
    if not torch.isfinite(update).all():
        raise Diverged("the influence direction is not finite; check the inputs, or raise damping")
    add_flat(model, update, scale)
    return cosine(update, v)


def unflatten(model: nn.Module, vector: Tensor) -> dict[str, Tensor]:
    """Views of a flat vector (d,) in the shapes of the trainable parameters, by their names."""
    parameters = _trainable(model)
    parts = vector.split([p.numel() for p in parameters.values()])
    return {
        name: part.view_as(p) for (name, p), part in zip(parameters.items(), parts, strict=True)
    }


@torch.no_grad()
def add_flat(model: nn.Module, vector: Tensor, scale: float) -> None:
    """Add scale times a flat vector (d,) to the trainable parameters, in place."""
    for name, step in unflatten(model, vector).items():
        model.get_parameter(name).add_(step, alpha=scale)


def _example_gradients(
    model: nn.Module,
    split: Split,
    meter: Meter,
    losses: Losses,
    n_losses: int,
    fold: Callable[[Tensor], Tensor],
) -> Iterator[dict[str, Tensor]]:
    """`fold` of the gradients (m, ...) of each example's losses, in chunks (c, ...).

    The losses share the example's forward pass; where there are too many for one backward pass,
    they go in groups, whose folds are added.
    """
    parameters, buffers = _trainable(model), _fixed(model)
    at_once = min(CHUNK, max(1, GRADIENT_ENTRIES // sum(p.numel() for p in parameters.values())))
    group = min(n_losses, at_once)

    def gradients(inputs: Inputs, label: Tensor) -> dict[str, Tensor]:
        def of(values: dict[str, Tensor]) -> Tensor:
            logits = functional_call(model, (values, buffers), (_alone(inputs),))
            return losses(logits, label[None])

        values, pull = vjp(of, parameters)[:2]
        basis = torch.eye(n_losses, dtype=values.dtype, device=values.device)
        folded: dict[str, Tensor] = {}
        for part in basis.split(group):
            for name, rows in vmap(pull)(part)[0].items():
                folded[name] = folded[name] + fold(rows) if name in folded else fold(rows)
        return folded

    for batch in split.batches(at_once // group):
        with meter.paused(), sdpa_kernel(SDPBackend.MATH):
            chunk = _for_each(gradients, batch)
        meter.count(forward=len(batch.labels), backward=n_losses * len(batch.labels))
        yield chunk


def _for_each(
    gradients: Callable[[Inputs, Tensor], dict[str, Tensor]], batch: Batch
) -> dict[str, Tensor]:
    """`gradients` of each example (c, ...): at once, or one by one where the model looks at values.

    Models of transformers look at masks to choose how they attend, which no vectorised call can.
    """
    try:
        return vmap(gradients)(batch.inputs, batch.labels)
    except RuntimeError as error:
        if not str(error).startswith("vmap: It looks like"):
            raise
    parts = [gradients(_one(batch.inputs, row), label) for row, label in enumerate(batch.labels)]
    return {name: torch.stack([part[name] for part in parts]) for name in parts[0]}


def _batch_product(model: nn.Module, inputs: Inputs, u: Tensor) -> Tensor:
    """J^T S J u (d,), summed over a batch: J u by dual numbers, J^T by the same graph."""
    values = {name: p for name, p in model.named_parameters() if p.requires_grad}
    steps = unflatten(model, u)
    with _quiet(), sdpa_kernel(SDPBackend.MATH), forward_ad.dual_level():
        duals = {name: forward_ad.make_dual(p, steps[name]) for name, p in values.items()}
        outputs = functional_call(model, duals, (inputs,))
        logits, tangent = forward_ad.unpack_dual(full_precision(outputs))
    q, tangent = logits.detach().softmax(1), tangent.detach()
    cotangent = q * (tangent - (q * tangent).sum(1, keepdim=True))
    product = torch.autograd.grad(logits, [*values.values()], cotangent, materialize_grads=True)
    return flatten(product)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence a deprecation warning that torch itself causes at the first use of dual numbers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.script")
        yield


def _finite(importances: Tensor) -> Tensor:
    if not torch.isfinite(importances).all():
        raise Diverged("the squared gradients are not finite; check the inputs")
    return importances


def _one(inputs: Inputs, row: int) -> Inputs:
    """A row, without the dimension of the batch."""
    if isinstance(inputs, dict):
        return {name: value[row] for name, value in inputs.items()}
    return inputs[row]


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
