"""What the layers of a model see of some examples."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from mubench.data.split import Split
from mubench.methods.shared.layers import blocks_of
from mubench.models.training.evaluate import BATCH

DEPTHS = ("first", "middle", "last")
_SIDE = 2
"""Rows and columns that a map of features is averaged to."""


def features_of(model: nn.Module, split: Split, num_classes: int) -> Mapping[str, NDArray[Any]]:
    """Features (n, d) float64 after the first, the middle and the last block, by depth.

    Maps are averaged to 2 x 2, sequences to one vector.

    Raises:
        Refused: the model has no linear classifier.
    """
    blocks = blocks_of(model, num_classes)
    chosen = dict(zip(DEPTHS, (0, len(blocks) // 2, len(blocks) - 1), strict=True))
    seen: dict[int, list[Tensor]] = {number: [] for number in set(chosen.values())}
    handles = [blocks[number][-1].register_forward_hook(_Note(seen[number])) for number in seen]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            for batch in split.batches(BATCH):
                model(batch.inputs)
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()
    arrays = {number: torch.cat(parts).numpy().astype(np.float64) for number, parts in seen.items()}
    return {depth: arrays[number] for depth, number in chosen.items()}


class _Note:
    """A forward hook that keeps what a block gives."""

    def __init__(self, kept: list[Tensor]) -> None:
        self._kept = kept

    def __call__(self, module: nn.Module, inputs: Any, output: Any) -> None:
        values = output if isinstance(output, Tensor) else output[0]
        self._kept.append(_pooled(values).float().cpu())


def _pooled(values: Tensor) -> Tensor:
    if values.dim() == 4:
        return F.adaptive_avg_pool2d(values, _SIDE).flatten(1)
    return values.flatten(1, -2).mean(1) if values.dim() > 2 else values
