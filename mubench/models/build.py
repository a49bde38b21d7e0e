"""From a model card to a network with initial weights that depend on the seed alone."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import torch
from torch import nn


def build_model(
    card: Mapping[str, Any],
    num_classes: int,
    input_shape: tuple[int, ...],
    seed: int,
    widths: tuple[int, ...] = (),
) -> nn.Module:
    """Build a model on the CPU; its last layer is `model.classifier`, an `nn.Linear`.

    The weights are drawn on the CPU whatever device they move to, so that they are the same
    everywhere. The global generators are left as they were. The builder of a model of tables gets
    `widths` too: how many inputs each column became.

    Raises:
        InputError: the model cannot take inputs of this shape.
    """
    builder = getattr(import_module(card["module"]), card["builder"])
    of_table = {"widths": widths} if widths else {}
    # No device is forked or seeded but the CPU: layers draw their initial weights there.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model: nn.Module = builder(input_shape, num_classes, **card["arguments"], **of_table)
    return model
