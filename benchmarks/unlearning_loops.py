"""Unlearning against bare PyTorch loops of the same mathematics, model, batches and threads.

The seconds that mubench records (RTE), against `benchmarks/plain/methods.py` on tensors in memory;
both without the copy of the original. Digits and the small CNN; ratio 0.1.

    OMP_NUM_THREADS=1 python benchmarks/unlearning_loops.py
"""

import copy
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

import torch
from helpers.smoke import sized
from plain.memory import in_memory
from plain.methods import METHODS, Data, Params
from torch import nn

from mubench.catalogue import cards
from mubench.catalogue.registry import make_method
from mubench.data.dataset import load_dataset
from mubench.data.forget_sets import split_forget_retain
from mubench.data.scenario import Random
from mubench.methods.base import ForgetTask
from mubench.models.build import build_model

ROUNDS = sized(15, 1)
EPOCHS = sized(10, 1)
SETTINGS = {"augment": False, "learning_rate": 1e-4, "epochs": EPOCHS, "batch_size": 64}
ROWS = ("ga", "ft", "ugradsl", "ugradsl_plus", "scrub")


def bare(row: str, model: nn.Module, data: Data, params: Params) -> float:
    """CPU seconds of a script's loop on a copy of the model."""
    copied = copy.deepcopy(model).train()
    began = time.process_time()
    METHODS[row](copied, data, params)
    return time.process_time() - began


def ratios(theirs: Callable[[], float], ours: Callable[[], float]) -> list[float]:
    """Seconds of theirs over ours, ascending; in turns, so that a busy machine slows both."""
    found = []
    for number in range(ROUNDS + 1):
        order = (theirs, ours) if number % 2 else (ours, theirs)
        seconds = {work: work() for work in order}
        found.append(seconds[theirs] / seconds[ours])
    return sorted(found[1:])  # the first round pays for torch's own start


def main() -> None:
    torch.set_num_threads(1)
    train = load_dataset(cards.dataset("digits").card, {}, ("train",), "cpu").train
    assert train is not None
    forget, retain = split_forget_retain(train, Random(0.1), "final", 0)
    model = build_model(cards.model("small_cnn").card, 10, (1, 8, 8), seed=0)
    splits = {"forget": forget, "retain": retain}
    task = ForgetTask(splits=splits, num_classes=10, seed=0, new_model=lambda: model)
    whole = {name: split.take(torch.arange(len(split))) for name, split in splits.items()}
    data = in_memory({name: (batch.inputs, batch.labels) for name, batch in whole.items()})
    for row in ROWS:
        method = make_method(row, SETTINGS)
        theirs = partial(bare, row, model, data, asdict(method))
        found = ratios(theirs, lambda: method.run(model, task).cost.rte_seconds)  # noqa: B023
        print(
            f"{row:14}{found[ROUNDS // 2]:.3f} of the bare loop's speed, median of {ROUNDS} "
            f"rounds ({found[0]:.3f} to {found[-1]:.3f}; at least 0.98)",
            flush=True,
        )


if __name__ == "__main__":
    main()
