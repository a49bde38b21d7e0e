"""Many small models trained as one against one after the other."""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import nn

from mubench.catalogue import cards
from mubench.data.dataset import Dataset, load_dataset
from mubench.data.split import Split
from mubench.models.build import build_model
from mubench.models.recipe import Recipe
from mubench.models.training.fit import fit
from on_gpu.stacked import fit_stacked
from on_gpu.world import Row, World

Train = Callable[[list[nn.Module], list[Split], Recipe, range], None]


PAIRS = (("breast_cancer", "mlp"), ("digits", "small_cnn"))


def rows(world: World) -> Iterator[Row]:
    """Half of the data each, as shadow models have them."""
    for name, model in PAIRS:
        data = load_dataset(cards.dataset(name).card, {}, ("train",), world.device)
        assert data.train is not None
        epochs, size = (1, 40) if world.is_smoke else (3, len(data.train) // 2)
        recipe = Recipe(epochs=epochs, batch_size=32, learning_rate=0.01)
        for count in (2,) if world.is_smoke else (8, 32):
            orders = [torch.randperm(len(data.train), generator=seeded(k)) for k in range(count)]
            splits = [data.train.subset(order[:size]) for order in orders]
            hows = (alone, fit_stacked)
            works = [partial(train, world, how, data, model, splits, recipe) for how in hows]
            apart, together = world.times(works)
            yield Row(f"{count} x {model}, one after the other", apart, "s")
            yield Row(f"{count} x {model}, as one", together, "s")
            yield Row(f"{count} x {model}, as one: times as fast", apart / together, "")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def train(
    world: World, how: Train, data: Dataset, name: str, splits: list[Split], recipe: Recipe
) -> None:
    card, seeds = cards.model(name).card, range(len(splits))
    sizes = data.num_classes, data.input_shape
    models = [build_model(card, *sizes, seed, data.widths).to(world.device) for seed in seeds]
    how(models, splits, recipe, seeds)


def alone(models: list[nn.Module], splits: list[Split], recipe: Recipe, seeds: range) -> None:
    for model, split, seed in zip(models, splits, seeds, strict=True):
        fit(model, split, recipe, seed)
