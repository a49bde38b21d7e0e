"""Many small models trained as one: the numbers of each alone, in a share of the kernels."""

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F
from typing_extensions import override

from mubench.data.split import Batch, Inputs, Split
from mubench.models.recipe import Recipe
from mubench.models.training.descent import descend
from mubench.models.training.fit import descent_of
from mubench.models.training.loader import Loader


def fit_stacked(
    models: Sequence[nn.Module], splits: Sequence[Split], recipe: Recipe, seeds: Sequence[int]
) -> None:
    """Train each of `models` in place as `fit` would train it alone on its split with its seed.

    Models have one architecture, splits one size. Order, augmentation, schedule, weight decay and
    BatchNorm are each model's own; what differs from `fit` is the rounding of other kernels, which
    AdamW magnifies where a gradient is nothing else, as that of a bias before BatchNorm. The
    recipe's `channels_last`, `compile` and `micro_batch`, which change no number, are left out.

    Raises:
        ValueError: splits differ in size.
        RuntimeError: models differ in architecture, or draw random numbers, as dropout does.
        Diverged: the recipe left the finite numbers for one of them; all models stay as they were.
    """
    if len({len(split) for split in splits}) > 1:
        raise ValueError("models that train as one need splits of one size")
    loaders = [
        Loader(split, recipe.batch_size, seed=seed, name="train", augment=recipe.augment)
        for split, seed in zip(splits, seeds, strict=True)
    ]
    stack = Stack(models)

    def batches(_: int) -> Iterator[Batch]:
        return map(stacked, zip(*(loader.epoch() for loader in loaders), strict=True))

    def loss(batch: Batch) -> Tensor:
        """The sum of what each model would minimise."""
        logits, labels = stack(batch.inputs), batch.labels
        losses = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum")
        return losses / labels.shape[1]

    descend(stack, descent_of(recipe), batches, loss, steps_per_epoch=len(loaders[0]))
    stack.copy_to(models)


class Stack(nn.Module):
    """N models of one architecture: inputs (N, b, ...) to logits (N, b, K).

    Its parameters and buffers are those of the models, stacked along a first dimension.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self._one = [copy.deepcopy(models[0])]
        """In a list, so that its own weights, which nobody reads, are no part of this module."""
        for model in models:
            model.train()
        parameters, buffers = stack_module_state(list(models))
        for name, value in parameters.items():
            leaf = nn.Parameter(value.detach(), requires_grad=value.requires_grad)
            self.register_parameter(_flat(name), leaf)
        for name, value in buffers.items():
            self.register_buffer(_flat(name), value)

    @override
    def forward(self, inputs: Inputs) -> Tensor:
        one = self._one[0].train(self.training)

        def call(state: dict[str, Tensor], inputs: Inputs) -> Tensor:
            logits: Tensor = functional_call(one, state, (inputs,))
            return logits

        logits: Tensor = vmap(call)(self._state(), inputs)
        return logits

    @torch.no_grad()
    def copy_to(self, models: Sequence[nn.Module]) -> None:
        """Give each model its parameters and buffers."""
        for name, values in self._state().items():
            for model, value in zip(models, values, strict=True):
                _tensor(model, name).copy_(value)

    def _state(self) -> dict[str, Tensor]:
        own = (*self.named_parameters(), *self.named_buffers())
        return {name.replace(_DOT, "."): value for name, value in own}


_DOT = "/"
"""In place of the dots of a name, which no parameter of a module's own may have."""


def _flat(name: str) -> str:
    return name.replace(".", _DOT)


def _tensor(model: nn.Module, name: str) -> Tensor:
    parent, _, last = name.rpartition(".")
    tensor: Tensor = getattr(model.get_submodule(parent), last)
    return tensor


def stacked(batches: Sequence[Batch]) -> Batch:
    """Batches of b examples each as one, with inputs (N, b, ...) and labels and ids (N, b)."""
    inputs = [batch.inputs for batch in batches]
    labels, ids = (torch.stack(column) for column in list(zip(*batches, strict=True))[1:])
    return Batch(_stacked(inputs), labels, ids)


def _stacked(inputs: Sequence[Inputs]) -> Inputs:
    dicts = [each for each in inputs if isinstance(each, dict)]
    if dicts:
        return {name: torch.stack([each[name] for each in dicts]) for name in dicts[0]}
    return torch.stack([each for each in inputs if isinstance(each, Tensor)])
