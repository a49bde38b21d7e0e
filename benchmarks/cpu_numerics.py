"""Training on a CPU in bfloat16, in channels-last layout and with two threads, against float32.

CPU seconds and wall seconds of one epoch of ResNet-8 on images of 3x32x32, as ratios to float32 in
contiguous layout on one thread: above 1 is faster. And what it does to the accuracy.

    OMP_NUM_THREADS=1 python benchmarks/cpu_numerics.py
"""

import time
from statistics import median

import torch
from evaluation import like_cifar10
from helpers.smoke import sized

from mubench.catalogue import cards
from mubench.models.build import build_model
from mubench.models.recipe import Recipe
from mubench.models.training.evaluate import accuracy_of
from mubench.models.training.fit import fit

ROUNDS = sized(3, 1)
BASE = Recipe(epochs=1, batch_size=64, learning_rate=0.02)
WAYS = {
    "float32": (BASE, 1),
    "channels_last": (BASE.model_copy(update={"channels_last": True}), 1),
    "bfloat16": (BASE.model_copy(update={"precision": "bfloat16"}), 1),
    "bfloat16, channels_last": (
        BASE.model_copy(update={"precision": "bfloat16", "channels_last": True}),
        1,
    ),
    "float32, two threads": (BASE, 2),
}


def main() -> None:
    """Train in rounds, all ways in each, so that a busy machine slows all."""
    torch.set_num_threads(1)
    splits = like_cifar10().splits
    wall: dict[str, list[float]] = {name: [] for name in WAYS}
    cpu: dict[str, list[float]] = {name: [] for name in WAYS}
    accuracy = {}
    for _ in range(ROUNDS):
        for name, (recipe, threads) in WAYS.items():
            torch.set_num_threads(threads)
            model = build_model(cards.model("resnet_small").card, 10, (3, 32, 32), seed=0)
            began, began_cpu = time.perf_counter(), time.process_time()
            fit(model, splits["train"], recipe, seed=0)
            wall[name].append(time.perf_counter() - began)
            cpu[name].append(time.process_time() - began_cpu)
            torch.set_num_threads(1)
            accuracy[name] = accuracy_of(model, splits["validation"])
    for name in WAYS:
        by_wall, by_cpu = (
            median(a / b for a, b in zip(times["float32"], times[name], strict=True))
            for times in (wall, cpu)
        )
        print(f"{name}: {by_wall:.2f} x by wall, {by_cpu:.2f} x by CPU; {accuracy[name]:.3f} right")


if __name__ == "__main__":
    main()
