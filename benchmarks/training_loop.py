"""The descent loop against a bare PyTorch loop: same model, batches, threads and precision.

OMP_NUM_THREADS=1 python benchmarks/training_loop.py
"""

import time

import torch
from helpers.smoke import sized
from torch.nn import functional as F

from mubench.catalogue import cards
from mubench.data.dataset import load_dataset
from mubench.models.build import build_model
from mubench.models.recipe import Recipe
from mubench.models.training.fit import fit

ROUNDS = sized(9, 1)


def bare(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, recipe: Recipe) -> None:
    optimizer = torch.optim.SGD(
        model.parameters(), lr=1e-3, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    model.train()
    for _ in range(recipe.epochs):
        for rows in torch.randperm(len(y)).split(recipe.batch_size):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()


def main() -> None:
    torch.set_num_threads(1)
    recipe = Recipe(epochs=sized(5, 1), batch_size=64, learning_rate=1e-3)
    split = load_dataset(cards.dataset("digits").card, {}, ("train",), "cpu").train
    assert split is not None
    card = cards.model("small_cnn").card
    everything = split.take(torch.arange(len(split)))
    ratios = []
    for _ in range(ROUNDS + 1):  # interleaved, so that a busy machine slows both
        model = build_model(card, 10, (1, 8, 8), seed=0)
        began = time.process_time()
        bare(model, everything.inputs, everything.labels, recipe)
        bare_seconds = time.process_time() - began
        model = build_model(card, 10, (1, 8, 8), seed=0)
        began = time.process_time()
        fit(model, split, recipe, seed=0)
        ratios.append(bare_seconds / (time.process_time() - began))
    ratios = ratios[1:]  # the first round pays for torch's own start
    middle = sorted(ratios)[ROUNDS // 2]
    print(f"images/s against the bare loop: median {middle:.3f} of {ROUNDS} rounds (at least 0.95)")
    print("rounds:", " ".join(f"{ratio:.3f}" for ratio in ratios))


if __name__ == "__main__":
    main()
