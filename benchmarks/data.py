"""Loading, batching and streaming of images, as ratios within one run.

OMP_NUM_THREADS=1 python benchmarks/data.py [--data DIR with cifar10/]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from helpers.smoke import sized
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from mubench.catalogue import cards
from mubench.data.dataset import load_dataset
from mubench.data.split import Source, Split
from mubench.data.transforms import ImageTransform
from mubench.models.build import build_model
from mubench.models.training.loader import Loader

ROUNDS = sized(5, 1)
MEAN, STD = [0.4916, 0.4825, 0.4469], [0.2471, 0.2435, 0.2616]


class Images(Dataset[Any]):
    """Images as most code holds them: transformed one by one."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = [transforms.functional.to_pil_image(image) for image in images]
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> Any:
        return self.transform(self.images[i]), i


def seconds(run: Callable[[], Iterable[Any]]) -> float:
    began = time.perf_counter()
    for _ in run():
        pass
    return time.perf_counter() - began


def median(ratios: list[float]) -> float:
    return sorted(ratios)[len(ratios) // 2]


def split_of(images: torch.Tensor, card: dict[str, Any], *, streamed: bool) -> Split:
    count = torch.arange(len(images))
    transform = ImageTransform.of(card, "cpu")
    return Split.whole(Source(images, count % 10, count, transform, is_streamed=streamed))


def augmenting() -> None:
    images = torch.randint(0, 256, (sized(5000, 300), 3, 32, 32), dtype=torch.uint8)
    card = {"mean": MEAN, "std": STD, "max_value": 255, "augment": {"pad": 4, "flip": True}}
    split = split_of(images, {"input_shape": [3, 32, 32], **card}, streamed=False)
    ours = Loader(split, 256, seed=0, name="train", augment=True)
    theirs = DataLoader(Images(images), batch_size=256, shuffle=True)
    ratios = [seconds(lambda: theirs) / seconds(ours.epoch) for _ in range(ROUNDS)]
    print(
        f"crop, flip and normalise from memory: {median(ratios):.1f} times the images/s of "
        "torchvision in a DataLoader without workers (at least 10)"
    )


def streaming() -> None:
    card = {
        "input_shape": [3, 224, 224],
        "stored_shape": [3, 256, 256],
        "mean": MEAN,
        "std": STD,
        "max_value": 255,
        "augment": {"pad": 0, "flip": True},
    }
    model = build_model(cards.model("resnet_small").card, 10, (3, 224, 224), seed=0)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def step(inputs: Any, labels: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(inputs), labels).backward()
        optimizer.step()

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.npy"
        np.save(
            file,
            np.random.default_rng(0).integers(
                0, 256, (sized(512, 64), 3, 256, 256), dtype=np.uint8
            ),
        )
        split = split_of(torch.from_numpy(np.load(file, mmap_mode="c")), card, streamed=True)
        loader = Loader(split, 32, seed=0, name="train", augment=True)
        still = split.take(torch.arange(32))

        def alone() -> Iterable[None]:
            yield from (step(still.inputs, still.labels) for _ in range(len(loader)))

        def streamed() -> Iterable[None]:
            yield from (step(batch.inputs, batch.labels) for batch in loader.epoch())

        seconds(alone)
        ratios = [seconds(alone) / seconds(streamed) for _ in range(ROUNDS)]
    print(
        f"streamed 224-pixel images with ResNet-8: {median(ratios):.3f} of the speed of the model "
        "on one batch in memory (at least 0.9)"
    )


def loading(data: str) -> None:
    card = cards.dataset("cifar10").card
    with tempfile.TemporaryDirectory() as cache:
        os.environ["MUBENCH_CACHE"] = cache

        def run() -> Iterable[Any]:
            return [load_dataset(card, {}, ("train", "validation", "test"), "cpu", Path(data))]

        print(f"CIFAR-10 from Parquet: first {seconds(run):.1f} s (at most 20), ", end="")
        print(f"then {seconds(run):.3f} s (at most 0.5)")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--data", default=os.environ.get("MUBENCH_DATA"))
    data = arguments.parse_args().data
    torch.set_num_threads(1)
    if data:
        loading(data)
    augmenting()
    streaming()


if __name__ == "__main__":
    main()
