"""A grid as scripts of the field do it: a process for each training and each trial (`plain/`)."""

import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
from helpers.grid import Grid, Used
from helpers.smoke import sized
from plain.methods import METHODS

from mubench.sweep.steps import SearchStep

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
RETRAINS = sized(6, 1)
"""How many run; the others cost as much."""


@dataclass(frozen=True)
class Scripts:
    """The scripts, on files in a folder; each call runs one and returns its CPU seconds."""

    grid: Grid
    folder: Path

    @cached_property
    def requests(self) -> Mapping[str, str]:
        """The name of a request's file."""
        return {s.request.name: f"request{k}" for k, s in enumerate(self.grid.retrains)}

    def write(self) -> None:
        """The data, and the positions that each request forgets."""
        arrays = {}
        for name in ("train", "validation", "test"):
            x, y = self.grid.whole(name)
            arrays |= {f"{name}_x": x.numpy(), f"{name}_y": y.numpy()}
        np.savez(self.folder / "data.npz", **arrays)
        for step in self.grid.retrains:
            rows = self.grid.forgotten(step.request).numpy()
            np.save(self.folder / f"{self.requests[step.request.name]}.npy", rows)

    def original(self, seed: int) -> float:
        return self._train(f"original{seed}.pt")

    def retrain(self, request: str) -> float:
        return self._train("retrain.pt", "--request", self.requests[request])

    def trial(self, step: SearchStep) -> float:
        request, seed = self.requests[step.request.name], step.training.seed
        params = json.dumps(dict(self.grid.records[step.id].params))
        words = ("--request", request, "--original", str(self.folder / f"original{seed}.pt"))
        words += ("--method", step.method, "--params", params)
        return self._run("plain.trial_script", "unlearned.pt", *words)

    def _train(self, out: str, *words: str) -> float:
        recipe = json.dumps(vars(self.grid.recipe))
        return self._run("plain.train_script", out, "--recipe", recipe, *words)

    def _run(self, module: str, out: str, *words: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", module, str(self.folder), *words]
        command += ["--out", str(self.folder / out)]
        subprocess.run(command, env=ENVIRONMENT, cwd=Path(__file__).parents[1], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def field(grid: Grid, folder: Path, sample: int) -> Used:
    """What the scripts would use: a Retrain for each method and request, then all trials.

    A final run of each method and request is a trial once more. A random `sample` of the trials
    runs; prints how much each kind of process used.
    """
    scripts, chance = Scripts(grid, folder), random.Random(0)  # noqa: S311  no secret
    scripts.write()
    trials = [step for step in grid.trials if isinstance(step, SearchStep)]
    requests = sorted({step.request.name for step in trials})
    seeds = sorted({step.training.seed for step in trials})
    finals = len(METHODS) * len(requests)
    began = time.perf_counter()
    originals = [scripts.original(seed) for seed in seeds]
    some = chance.sample(requests, min(RETRAINS, len(requests)))
    ran = {
        "originals": (len(seeds), originals),
        "Retrains": (finals, [scripts.retrain(name) for name in some]),
        "trials and final runs": (
            len(trials) + finals,
            [scripts.trial(step) for step in chance.sample(trials, min(sample, len(trials)))],
        ),
    }
    wall = time.perf_counter() - began
    for name, (count, used) in ran.items():
        print(f"the field: {count} {name} of {fmean(used):.2f} s, of which {len(used)} ran")
    cpu = sum(count * fmean(used) for count, used in ran.values())
    error = sum((count * _error(used)) ** 2 for count, used in ran.values()) ** 0.5
    return Used(cpu, wall * cpu / sum(sum(used) for _, used in ran.values()), error)


def _error(values: Sequence[float]) -> float:
    """Standard error of the mean."""
    return stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
