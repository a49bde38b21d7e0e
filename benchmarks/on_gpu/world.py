"""What all sections share: the device, the images, the model, and how a time is taken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mubench.catalogue import cards
from mubench.data.dataset import load_dataset
from mubench.data.own.declare import declare
from mubench.data.own.entry import OwnEntry
from mubench.data.split import Source, Split
from mubench.data.transforms import ImageTransform
from mubench.models.build import build_model
from mubench.models.recipe import Recipe, resolve_recipe
from mubench.models.training.cost_meter import Meter, measure

CLASSES = 10
TINY = {"width": 2, "hidden": 8}
"""Of the CNN of the smoke form."""


class Row(NamedTuple):
    """One number of a section."""

    what: str
    value: float
    unit: str


class Images(NamedTuple):
    """A data set on the device; without a test split nothing is said of accuracy."""

    name: str
    train: Split
    test: Split | None
    classes: int


@dataclass(frozen=True)
class World:
    """The device, the form (`is_smoke` is tiny: it shows that all runs, and measures nothing)."""

    device: torch.device
    is_smoke: bool
    path: Path | None
    """Of the images; without one they are noise of CIFAR-10's shape."""

    @property
    def batch(self) -> int:
        """Examples in a batch of unlearning."""
        return 16 if self.is_smoke else 128

    @cached_property
    def images(self) -> Images:
        if self.path is not None:
            return read(self.path, self.device)
        train = noise(160 if self.is_smoke else 45_000, self.device)
        return Images("noise of CIFAR-10's shape and number", train, None, CLASSES)

    def model(self, seed: int = 0) -> nn.Module:
        """`model_for` the images."""
        return self.model_for(self.images.train, self.images.classes, seed)

    def model_for(self, split: Split, classes: int, seed: int = 0) -> nn.Module:
        """ResNet-18 for the images of a split; in the smoke form a small one."""
        card = cards.model("resnet18").card
        if self.is_smoke:
            card = {**cards.model("small_cnn").card, "arguments": TINY}
        shape = tuple(split.take(torch.arange(1)).inputs.shape[1:])
        return build_model(card, classes, shape, seed).to(self.device)

    def recipe(self, **changes: object) -> Recipe:
        """CIFAR-10's fast recipe; in the smoke form one epoch of it."""
        short = {"epochs": 1, "batch_size": 16} if self.is_smoke else {}
        return resolve_recipe("cifar10", "resnet18", {"recipe": "fast", **changes, **short})

    def request(self) -> tuple[Split, Split]:
        """D_f, a random tenth of D_tr, and D_r."""
        order = torch.randperm(len(self.images.train), generator=torch.Generator().manual_seed(0))
        n_forget = len(order) // 10
        return (
            self.images.train.subset(order[:n_forget]),
            self.images.train.subset(order[n_forget:]),
        )

    def seconds(self, work: Callable[[], object]) -> float:
        """Wall time of work, with all that a GPU has to do for it; of a CPU process time."""
        with measure(self.device, Meter()) as clock:
            work()
        return clock.cost.rte_seconds

    def times(self, works: Sequence[Callable[[], object]]) -> list[float]:
        """The median time of each of several works; they take turns, after one round for nothing.

        What kernels load and choose at their first use is no part of it.
        """
        rounds = 1 if self.is_smoke else 3
        found = [[self.seconds(work) for work in works] for _ in range(rounds + 1)]
        return [median(column) for column in zip(*found[1:], strict=True)]


def noise(count: int, device: torch.device) -> Split:
    """Random images (count, 3, 32, 32) with random labels, stored and transformed as CIFAR-10's."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    labels = torch.randint(CLASSES, (count,), generator=generator)
    return images_of(pixels.to(device), labels.to(device))


def images_of(pixels: Tensor, labels: Tensor, *, is_streamed: bool = False) -> Split:
    """Pixels (n, 3, 32, 32), on the device or streamed to it, with labels (n,) on the device."""
    transform = ImageTransform.of(cards.dataset("cifar10").card, labels.device)
    ids = torch.arange(len(labels), device=labels.device)
    return Split.whole(Source(pixels, labels, ids, transform, is_streamed=is_streamed))


def read(path: Path, device: torch.device) -> Images:
    """A folder of images by class, or Parquet, cropped and mirrored in training as CIFAR-10 is."""
    augment = cards.dataset("cifar10").card["augment"]
    card = cards.complete_card({**declare(OwnEntry(path=str(path)), "images"), "augment": augment})
    data = load_dataset(card, {}, ("train", "test"), device)
    assert data.train is not None
    return Images(f"{path.name}, {len(data.train)} images", data.train, data.test, data.num_classes)
