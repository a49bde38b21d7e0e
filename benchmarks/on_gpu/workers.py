"""Workers that share the device: how much more they do together than one does alone."""

import os
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import torch
from torch import multiprocessing

from mubench.models.training.fit import fit
from on_gpu.world import CLASSES, Row, World, noise


def rows(world: World) -> Iterator[Row]:
    yield Row("MPS is on", float(has_mps()), "")
    alone = 0.0
    for count in (1,) if world.is_smoke else (1, 2, 4):
        together = throughput(world, count)
        alone = alone or together
        yield Row(f"ResNet-18, batch {world.batch}: {count} workers together", together, "steps/s")
        yield Row(f"{count} workers / 1", together / alone, "")


def has_mps() -> bool:
    """Whether NVIDIA's multi-process service has its pipes where clients look for them."""
    pipes = os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "/tmp/nvidia-mps")
    return Path(pipes).exists()


def throughput(world: World, count: int) -> float:
    """Steps a second of all workers, from when the first begins to when the last ends."""
    context = multiprocessing.get_context("spawn")
    barrier, times = context.Barrier(count), context.Queue()
    plain = World(world.device, world.is_smoke, None)  # images that were loaded stay here
    processes = [
        context.Process(target=worker, args=(plain, count, barrier, times)) for _ in range(count)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"one of {count} workers failed; see its error above")
    began, ended, steps = zip(*(times.get() for _ in processes), strict=True)
    return sum(steps) / (max(ended) - min(began))


def worker(
    world: World, count: int, barrier: Barrier, times: "Queue[tuple[float, float, int]]"
) -> None:
    """Warm up, wait for the others, and train."""
    torch.set_num_threads(1)
    if world.device.type == "cuda":
        torch.backends.cudnn.deterministic = True
        torch.cuda.set_per_process_memory_fraction(1 / count)
    steps = 2 if world.is_smoke else 100
    split, recipe = (
        noise(steps * world.batch, world.device),
        world.recipe(epochs=1, batch_size=world.batch),
    )
    model = world.model_for(split, CLASSES)
    world.seconds(partial(fit, model, split.subset(torch.arange(2 * world.batch)), recipe, seed=0))
    barrier.wait(timeout=60)
    began = time.time()
    world.seconds(partial(fit, model, split, recipe, seed=0))
    times.put((began, time.time(), len(split) // recipe.batch_size))
