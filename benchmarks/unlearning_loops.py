"""Unlearning against bare PyTorch loops of the same mathematics, model, batches and threads.

A whole `Method.run`, with its copy of the original, its clock and its checks, against
`benchmarks/plain/methods.py` on tensors in memory. Digits and the small CNN; ratio 0.1.

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
EPOCHS = 10
SETTINGS = {"augment": False, "learning_rate": 1e-4, "epochs": EPOCHS, "batch_size": 64}
ROWS = ("ga", "ft", "ugradsl", "ugradsl_plus", "scrub")


def bare(row: str, model: nn.Module, data: Data, params: Params) -> None:
    """What a script does."""
    METHODS[row](copy.deepcopy(model).train(), data, params)


def ratios(theirs: Callable[[], object], ours: Callable[[], object]) -> list[float]:
    """CPU seconds of theirs over ours, ascending; in turns, so that a busy machine slows both."""
    found = []
    for number in range(ROUNDS + 1):
        seconds = {}
        for work in (theirs, ours) if number % 2 else (ours, theirs):
            began = time.process_time()
            work()
            seconds[work] = time.process_time() - began
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
        found = ratios(theirs, partial(method.run, model, task))
        print(
            f"{row:14}{found[ROUNDS // 2]:.3f} of the bare loop's speed, median of {ROUNDS} "
            f"rounds ({found[0]:.3f} to {found[-1]:.3f}; at least 0.98)",
            flush=True,
        )


if __name__ == "__main__":
    main()
