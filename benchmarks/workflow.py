"""A grid of trials done by mubench, by scripts as the field has them, and by a bare loop.

Digits (a fifth of the labels wrong) and a small CNN: six methods, three ratios of random
forgetting, three seeds, 20 candidates a search at random, each on all three seeds; then the chosen
ones, and the defaults, on three final seeds. CPU seconds of all processes.

- mubench: `mubench run` of the sweep, from its start to the end of its last process, report
  included, without MLflow.
- The field: a process for each trial, which imports PyTorch and scikit-learn, reads data and the
  original from disk, unlearns with DataLoaders, evaluates all sets and fits ten SVMs; a Retrain for
  each method, ratio and seed; as final runs one for each method, ratio and seed. No mubench in it
  (`benchmarks/plain/`). A random sample of its processes runs, and their mean counts for all.
- The lower bound: every training, unlearning and one forward pass over each set, of the very
  trials that mubench made, in one process with the data in memory. Nothing is imported, scored,
  stored or reported.

    python benchmarks/workflow.py [--trials 20] [--sample 60] [--cpus 2]
"""

import argparse
import copy
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory

import numpy as np
import torch
import yaml
from helpers.cpu_seconds import cpu_seconds
from helpers.smoke import sized
from plain.memory import Memory, in_memory
from plain.methods import METHODS, Pair
from plain.training import Recipe, network, train
from torch import nn

from mubench.data.dataset import Dataset, load_dataset
from mubench.data.forget_sets import forget_rows
from mubench.run.open_sweep import OpenSweep, open_sweep
from mubench.store.record import Record
from mubench.sweep.request import Request, Training
from mubench.sweep.steps import FinalStep, RetrainStep, SearchStep, TrainStep

RATIOS = sized([0.05, 0.1, 0.2], [0.1])
SEEDS = sized([0, 1, 2], [0])
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
HERE = Path(__file__).parent


def sweep(trials: int) -> dict[str, object]:
    """The grid as a sweep file."""
    search, final = [100 + seed for seed in SEEDS], SEEDS
    return {
        "name": "workflow",
        "grid": {
            "dataset": [{"name": "digits", "flip_labels": 0.2}],
            "model": ["small_cnn"],
            "forget": [{"scenario": "random", "ratio": ratio} for ratio in RATIOS],
        },
        "methods": {name: {} for name in METHODS},
        "shared": {"augment": False, "clip_norm": 0.0},
        "search": {"sampler": "random", "trials": trials, "keep": 1.0},
        "seeds": {
            "search": {"train": search, "forget": search, "pair": "zip"},
            "final": {"train": final, "forget": final, "pair": "zip"},
        },
        "controls": [],
    }


@dataclass(frozen=True)
class Used:
    """What something used, in seconds; `error` is that of estimated CPU seconds."""

    cpu: float
    wall: float
    error: float = 0.0


def timed(command: Sequence[str]) -> float:
    """CPU seconds of a process that leaves none behind."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=ENVIRONMENT, cwd=HERE, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@dataclass(frozen=True)
class Grid:
    """The trials that mubench made."""

    opened: OpenSweep

    @cached_property
    def records(self) -> dict[str, Record]:
        return self.opened.store.records.read()

    @cached_property
    def data(self) -> Dataset:
        training = self.trainings[0].training
        card, options = training.dataset.card.card, training.dataset.options
        return load_dataset(card, options, ("train", "validation", "test"), "cpu")

    @cached_property
    def trainings(self) -> list[TrainStep]:
        return [s for s in self.opened.plan.steps.values() if isinstance(s, TrainStep)]

    @cached_property
    def retrains(self) -> list[RetrainStep]:
        return [s for s in self.opened.plan.steps.values() if isinstance(s, RetrainStep)]

    @cached_property
    def trials(self) -> list[SearchStep | FinalStep]:
        """Those that ended well: a method that diverges stops early, a bare loop does not."""
        return [
            step
            for step in self.opened.plan.steps.values()
            if isinstance(step, SearchStep | FinalStep)
            and step.row is not None
            and self.records[step.id].status == "ok"
        ]

    @cached_property
    def recipe(self) -> Recipe:
        of = self.trainings[0].training.recipe
        assert (of.optimizer, of.schedule, of.augment) == ("sgd", "cosine", False)
        rates = (of.learning_rate, of.momentum, of.weight_decay, of.warmup_fraction)
        return Recipe(of.epochs, of.batch_size, *rates)

    def whole(self, name: str) -> Pair:
        """A split as tensors."""
        split = getattr(self.data, name)
        batch = split.take(torch.arange(len(split)))
        return batch.inputs, batch.labels

    def forgotten(self, request: Request) -> torch.Tensor:
        """Positions of D_f in D_tr."""
        assert self.data.train is not None
        return forget_rows(self.data.train, request.scenario, request.purpose, request.flat_seed)

    def sets(self, request: Request) -> dict[str, Pair]:
        """The sets on which a request's models are evaluated."""
        (x, y), rows = self.whole("train"), self.forgotten(request)
        rest = torch.ones(len(y), dtype=torch.bool)
        rest[rows] = False
        held_out = ["validation", "test"] if request.purpose == "final" else ["validation"]
        parts = {"forget": (x[rows], y[rows]), "retain": (x[rest], y[rest])}
        return parts | {name: self.whole(name) for name in held_out}


def mubench(folder: Path, file: Path, cpus: int) -> Used:
    """Run the sweep as a user does."""
    command = [sys.executable, "-m", "mubench", "run", str(file), "--store", str(folder / "store")]
    command += ["--out", str(folder / "report"), "--no-mlflow", "--cpus", str(cpus)]
    began = time.perf_counter()
    cpu = cpu_seconds(command, ENVIRONMENT, str(folder))
    return Used(cpu, time.perf_counter() - began)


def bare(grid: Grid) -> Used:
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


def field(grid: Grid, folder: Path, sample: int) -> Used:
    """What the scripts of the field would use, from a sample of their processes."""
    whole = {name: grid.whole(name) for name in ("train", "validation", "test")}
    arrays = {f"{name}_x": x.numpy() for name, (x, _) in whole.items()}
    np.savez(folder / "data.npz", **arrays, **{f"{n}_y": y.numpy() for n, (_, y) in whole.items()})
    requests = {step.request.name: step.request for step in grid.retrains}
    files = {name: f"request{number}" for number, name in enumerate(requests)}
    for name, request in requests.items():
        np.save(folder / f"{files[name]}.npy", grid.forgotten(request).numpy())
    began = time.perf_counter()
    searched = [t for t in grid.trials if isinstance(t, SearchStep)]
    seeds = sorted({trial.training.seed for trial in searched})
    training = [sys.executable, "-m", "plain.train_script", str(folder)]
    training += ["--recipe", json.dumps(vars(grid.recipe))]
    originals = [timed([*training, "--out", str(folder / f"original{seed}.pt")]) for seed in seeds]
    chance = random.Random(0)  # noqa: S311  no secret
    retrained = sorted({trial.request.name for trial in searched})
    retrains = [
        timed([*training, "--request", files[name], "--out", str(folder / "retrain.pt")])
        for name in chance.sample(retrained, sized(min(6, len(retrained)), 1))
    ]

    def trial_seconds(trial: SearchStep) -> float:
        return timed(
            [
                *(sys.executable, "-m", "plain.trial_script", str(folder)),
                *("--request", files[trial.request.name], "--method", trial.method),
                *("--original", str(folder / f"original{trial.training.seed}.pt")),
                *("--params", json.dumps(dict(grid.records[trial.id].params))),
                *("--out", str(folder / "unlearned.pt")),
            ]
        )

    chosen = chance.sample(searched, min(sample, len(searched)))
    trials = [trial_seconds(trial) for trial in chosen]
    wall = time.perf_counter() - began
    finals = len(METHODS) * len(retrained)  # a trial script once more
    counts = (len(originals), finals, len(searched) + finals)
    print(
        f"the field: {counts[0]} originals of {fmean(originals):.1f} s, {counts[1]} Retrains of "
        f"{fmean(retrains):.1f} s ({len(retrains)} ran), {counts[2]} trials and final runs of "
        f"{fmean(trials):.2f} s ({len(trials)} ran)",
        flush=True,
    )
    parts = list(zip(counts, (originals, retrains, trials), strict=True))
    cpu = sum(count * fmean(ran) for count, ran in parts)
    error = sum((count * _error(ran)) ** 2 for count, ran in parts[1:]) ** 0.5
    return Used(cpu, wall * cpu / (sum(originals) + sum(retrains) + sum(trials)), error)


def _error(values: Sequence[float]) -> float:
    """Standard error of the mean."""
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


def _name(training: Training) -> str:
    return f"{training.purpose} {training.name}"


def lines(peer: Used, ours: Used, least: Used) -> Iterator[str]:
    """The table."""
    yield f"{'':22}{'CPU s':>10}{'wall s':>10}"
    for name, used in (("the field's scripts", peer), ("mubench run", ours), ("bare loop", least)):
        error = f"  +- {used.error:.0f}, scaled up" if used.error else ""
        yield f"{name:22}{used.cpu:10.1f}{used.wall:10.1f}{error}"
    yield f"the field / mubench: {peer.cpu / ours.cpu:.2f} (at least 6)"
    yield f"mubench / bare loop: {ours.cpu / least.cpu:.2f} (at most 1.15)"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=sized(20, 1))
    parser.add_argument("--sample", type=int, default=sized(60, 2))
    parser.add_argument("--cpus", type=int, default=2)
    given = parser.parse_args()
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} logical CPUs")
    with TemporaryDirectory() as place:
        folder = Path(place)
        file = folder / "workflow.yaml"
        file.write_text(yaml.safe_dump(sweep(given.trials)))
        ours = mubench(folder, file, given.cpus)
        grid = Grid(open_sweep(str(file), str(folder / "store"), device="cpu"))
        inside = sum(record.seconds for record in grid.records.values())
        print(f"mubench: {len(grid.records)} steps, {inside:.1f} s within them", flush=True)
        least = bare(grid)
        peer = field(grid, folder, given.sample)
    print("\n".join(lines(peer, ours, least)))


if __name__ == "__main__":
    main()
