"""The lower bound of a grid: a bare loop in one process, with the data in memory."""

import copy
import time

import torch
from helpers.grid import Grid, Used
from plain.memory import Memory, in_memory
from plain.methods import METHODS, Pair
from plain.training import network, train
from torch import nn

from mubench.sweep.request import Training


def lower_bound(grid: Grid) -> Used:
    """The lower bound; prints its parts."""
    torch.set_num_threads(1)
    sets = {step.request.name: grid.sets(step.request) for step in grid.retrains}
    data = {name: in_memory(parts) for name, parts in sets.items()}
    whole = grid.whole("train")

    def fitted(x: torch.Tensor, y: torch.Tensor) -> nn.Module:
        size = grid.recipe.batch_size
        return train(Memory(x, y, size), -(-len(y) // size), grid.recipe, network)

    @torch.no_grad()
    def forward(model: nn.Module, parts: dict[str, Pair]) -> None:
        model.eval()
        for x, _ in parts.values():
            model(x)

    fitted(*whole)  # pays for torch's own start
    began, wall = time.process_time(), time.perf_counter()
    originals: dict[str, nn.Module] = {}
    for step in grid.trainings:
        originals[_name(step.training)] = fitted(*whole)
        forward(originals[_name(step.training)], {"train": whole})
    trained = time.process_time()
    for step in grid.retrains:
        forward(fitted(*sets[step.request.name]["retain"]), sets[step.request.name])
    retrained = time.process_time()
    for trial in grid.trials:
        model = copy.deepcopy(originals[_name(trial.training)]).train()
        METHODS[trial.method](model, data[trial.request.name], grid.records[trial.id].params)
        forward(model, sets[trial.request.name])
    ended = time.process_time()
    print(
        f"lower bound: {trained - began:.1f} s for {len(grid.trainings)} originals, "
        f"{retrained - trained:.1f} s for {len(grid.retrains)} Retrains, "
        f"{ended - retrained:.1f} s for {len(grid.trials)} trials",
        flush=True,
    )
    return Used(ended - began, time.perf_counter() - wall)


def _name(training: Training) -> str:
    return f"{training.purpose} {training.name}"
