"""When BatchNorm uses its running statistics although it is in training mode: one policy for all.

- A batch that holds one value of each channel, such as a batch of one example behind pooling, has
  no variance. BatchNorm uses its running statistics for it, and does not change them.
- BatchNorm whose parameters are all frozen is frozen: its running statistics stay too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from mubench.errors import Refused


@contextmanager
def fixed_norms(model: nn.Module) -> Iterator[None]:
    """Hold a model to the policy while the context lasts, and its copies made meanwhile for good.

    Raises:
        Refused: a layer that sees one value has no running statistics.
    """
    frozen = {id(norm) for norm in frozen_norms(model)}
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    handles = []
    for norm in norms:
        handles.append(norm.register_forward_pre_hook(_Fix(id(norm) in frozen)))
        handles.append(norm.register_forward_hook(_undo, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def frozen_norms(model: nn.Module) -> Iterator[nn.Module]:
    """BatchNorm layers that have parameters, all of them frozen."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            flags = [parameter.requires_grad for parameter in module.parameters()]
            if flags and not any(flags):
                yield module


class _Fix:
    """Takes a layer out of training for one batch; an object, so that it survives `deepcopy`."""

    def __init__(self, is_frozen: bool) -> None:
        self._is_frozen = is_frozen

    def __call__(self, norm: Any, inputs: tuple[Any, ...]) -> None:
        if not norm.training or not inputs:
            return
        is_single = inputs[0].numel() == inputs[0].shape[1]
        if not (is_single or self._is_frozen):
            return
        if norm.running_mean is None:
            if is_single:
                raise Refused(
                    "BatchNorm without running statistics cannot see a batch of one; give more "
                    "examples, or track_running_stats=True"
                )
            return
        norm.training = False
        vars(norm)[_MARK] = True


def _undo(norm: nn.Module, inputs: Any, output: Any) -> None:
    del inputs, output
    if vars(norm).pop(_MARK, False):
        norm.training = True


_MARK = "_mubench_was_training"
