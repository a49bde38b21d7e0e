"""The one descent loop: references train with it, methods unlearn with it."""

import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Literal, NoReturn, TypeVar

import torch
from torch import Tensor, nn

from mubench.catalogue.bounds import check_bounds
from mubench.errors import Diverged
from mubench.models.training.checkpoint import DescentCheckpoints, Position
from mubench.models.training.sam import sharpen

B = TypeVar("B")
Precision = Literal["float32", "bfloat16"]
NormMode = Literal["train", "eval_frozen"]
OptimizerName = Literal["sgd", "adamw", "sam"]
"""`sam` is SGD with the gradients of `mubench.models.training.sam`: two passes a step."""


@dataclass(frozen=True, kw_only=True)
class Descent:
    """Settings of one run of gradient descent; raises InputError where one is out of its limits.

    `clip_norm` 0 means off. `schedule` maps progress in [0, 1) to a multiple of `learning_rate`.
    With SGD, weight decay acts even where the gradient is zero, as in torch.
    """

    learning_rate: float
    epochs: int
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    optimizer: OptimizerName = "sgd"
    clip_norm: float = 0.0
    bn_mode: NormMode = "train"
    precision: Precision = "float32"
    schedule: Callable[[float], float] | None = None

    def __post_init__(self) -> None:
        for setting in fields(self):
            check_bounds(setting.name, getattr(self, setting.name), setting.name)


def _nothing(_: torch.optim.Optimizer) -> None:
    """A hook that does nothing."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """What a method does around the steps of a descent."""

    before_step: Callable[[torch.optim.Optimizer], None] = _nothing
    """May change the gradients, which are clipped by then."""
    after_step: Callable[[torch.optim.Optimizer], None] = _nothing
    """May change the weights and the optimizer's state."""
    after_epoch: Callable[[int], bool] = lambda _: False
    """May look at the model, which is finite; True stops the descent."""


def descend(
    model: nn.Module,
    settings: Descent,
    batches: Callable[[int], Iterable[B]],
    loss: Callable[[B], Tensor],
    *,
    steps_per_epoch: int,
    hooks: Hooks | None = None,
    checkpoints: DescentCheckpoints | None = None,
) -> torch.optim.Optimizer:
    """Minimise `loss(batch)` over `batches(epoch)`, in place; return the optimizer with its state.

    With `checkpoints`, which know no hooks, it goes on from the last one.

    Raises:
        Diverged: a loss or a weight is not finite; the model is back at the end of its last
            finite epoch, or where it started.
        Interrupted: the checkpointer ends the run.
    """
    assert hooks is None or checkpoints is None, "what hooks change is in no checkpoint"
    hooks = hooks or Hooks()
    optimizer = make_optimizer(model, settings)
    device = next(model.parameters()).device
    # Reading a loss waits for the device, which a GPU feels and a CPU does not.
    stride = 1 if device.type == "cpu" else 50
    total = max(1, settings.epochs * steps_per_epoch)

    def computed(batch: B) -> Tensor:
        with autocast(device, settings.precision):
            return loss(batch)

    at = Position(loss=torch.zeros((), device=device), safe=snapshot(model))
    if checkpoints is not None:
        checkpoints.restore(model, optimizer, at)
    set_mode(model, settings.bn_mode)
    modes = {module: module.training for module in model.modules()}
    for epoch in range(at.epoch, settings.epochs):
        at.epoch = epoch
        if any(module.training is not is_on for module, is_on in modes.items()):
            set_mode(model, settings.bn_mode)  # a look at an epoch's end changed them
        for batch in batches(epoch):
            if settings.schedule is not None:
                set_learning_rate(
                    optimizer, settings.learning_rate * settings.schedule(at.step / total)
                )
            at.loss = computed(batch)
            if at.step % stride == 0 and not math.isfinite(at.loss.item()):
                _end(model, at, settings)
            optimizer.zero_grad(set_to_none=True)
            _backward(model, settings, at.loss, partial(computed, batch))
            _make_step(optimizer, hooks)
            at.step += 1
            if checkpoints is not None:
                checkpoints.save_if_due(model, optimizer, at)
        _keep_finite(model, at, settings)
        if hooks.after_epoch(epoch):
            break
    return optimizer


def cosine(progress: float) -> float:
    """A schedule from 1 at the start to 0 at the end."""
    return (1 + math.cos(math.pi * progress)) / 2


def make_optimizer(model: nn.Module, settings: Descent) -> torch.optim.Optimizer:
    """The optimizer over all trainable parameters; one kernel makes its whole step.

    Ten small parameters take a third of the time so, and a GPU does not wait for the host.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    # That kernel walks through memory whatever the strides, and knows no sparse gradients.
    is_fit = all(p.is_floating_point() and _is_dense(p) for p in parameters)
    is_sparse = any(getattr(module, "sparse", False) for module in model.modules())
    fused = True if is_fit and not is_sparse else None
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(
            parameters,
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            fused=fused,
        )
    optimizer = torch.optim.SGD(
        parameters,
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.nesterov,
        fused=fused,
    )
    if settings.momentum:
        # The fused SGD fails for a parameter that has its first gradient later than others and no
        # buffer. One of zeros is the same as none.
        for parameter in parameters:
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def _make_step(optimizer: torch.optim.Optimizer, hooks: Hooks) -> None:
    if hooks.before_step is not _nothing:
        hooks.before_step(optimizer)
        _lay_out_gradients(optimizer)
    optimizer.step()
    hooks.after_step(optimizer)


def _lay_out_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Lay out gradients in memory as their parameters are, as autograd does and a hook may not."""
    for parameter in (p for group in optimizer.param_groups for p in group["params"]):
        gradient = parameter.grad
        if gradient is not None and gradient.stride() != parameter.stride():
            parameter.grad = torch.empty_like(parameter).copy_(gradient)


def _is_dense(value: Tensor) -> bool:
    layouts = [torch.contiguous_format, *([torch.channels_last] if value.dim() == 4 else [])]
    return any(value.is_contiguous(memory_format=layout) for layout in layouts)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set the learning rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def set_mode(model: nn.Module, bn_mode: NormMode) -> None:
    """Training mode; with `eval_frozen`, BatchNorm keeps its running statistics."""
    model.train()
    if bn_mode == "eval_frozen":
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[Any]:
    """Mixed precision for training and unlearning; evaluation is always float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters and buffers."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def is_finite(model: nn.Module) -> bool:
    """Whether every parameter and every floating buffer is finite."""
    return _are_finite(model.state_dict().values())


def _are_finite(tensors: Iterable[Tensor]) -> bool:
    values = [value for value in tensors if value.is_floating_point()]
    # A sum is finite only where all its values are, and a GPU is waited for once. The sum of large
    # values need not be: then each is looked at.
    total = torch.stack([value.sum(dtype=torch.float32) for value in values]).sum()
    return math.isfinite(total.item()) or all(bool(value.isfinite().all()) for value in values)


def _backward(
    model: nn.Module, settings: Descent, loss: Tensor, again: Callable[[], Tensor]
) -> None:
    """Fill in the gradients of a step; `again` computes the loss at other weights."""
    loss.backward()
    if settings.optimizer == "sam":
        sharpen(model, again)
    if settings.clip_norm:
        nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)


def _keep_finite(model: nn.Module, at: Position, settings: Descent) -> None:
    """Keep the weights at the end of an epoch; raises Diverged where one is not finite."""
    weights = model.state_dict()
    if not (math.isfinite(at.loss.item()) and _are_finite(weights.values())):
        _end(model, at, settings)
    if {n: v.shape for n, v in at.safe.items()} != {n: v.shape for n, v in weights.items()}:
        at.safe = snapshot(model)  # a module made a buffer, or another
        return
    for name, value in weights.items():
        at.safe[name].copy_(value)


def _end(model: nn.Module, at: Position, settings: Descent) -> NoReturn:
    """Back to the last weights that were finite."""
    model.load_state_dict(at.safe)
    raise Diverged(
        f"loss or weights not finite in epoch {at.epoch + 1} of {settings.epochs}; "
        f"try a learning rate below {settings.learning_rate:g}"
    )
