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
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from helpers.cpu_seconds import cpu_seconds
from helpers.field import ENVIRONMENT, field
from helpers.grid import Grid, Used
from helpers.lower_bound import lower_bound
from helpers.smoke import sized
from plain.methods import METHODS

from mubench.run.open_sweep import open_sweep

RATIOS = sized([0.05, 0.1, 0.2], [0.1])
SEEDS = sized([0, 1, 2], [0])


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
        "methods": {**{name: {} for name in METHODS}, "rl": {"schedule": "mixed"}},
        "shared": {"augment": False, "clip_norm": 0.0},
        "search": {"sampler": "random", "trials": trials, "keep": 1.0},
        "seeds": {
            "search": {"train": search, "forget": search, "pair": "zip"},
            "final": {"train": final, "forget": final, "pair": "zip"},
        },
        **sized({}, {"training": {"epochs": 2}}),
        "floor": 0,
        "controls": [],
    }


def mubench(folder: Path, file: Path, cpus: int) -> Used:
    """Run the sweep as a user does."""
    command = [sys.executable, "-m", "mubench", "run", str(file), "--store", str(folder / "store")]
    command += ["--out", str(folder / "report"), "--no-mlflow", "--cpus", str(cpus)]
    began = time.perf_counter()
    cpu = cpu_seconds(command, ENVIRONMENT, str(folder))
    return Used(cpu, time.perf_counter() - began)


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
        least = lower_bound(grid)
        peer = field(grid, folder, given.sample)
    print("\n".join(lines(peer, ours, least)))


if __name__ == "__main__":
    main()
