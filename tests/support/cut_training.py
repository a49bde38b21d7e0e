"""Trainings that keep their state after every step, and their continuation in another process.

python -m tests.support.cut_training FOLDER CASE ... continues each of them from each state.
"""

import subprocess
import sys
from dataclasses import replace

import torch
from torch import nn

from mubench.data.split import Split
from mubench.data.transforms import ImageTransform
from mubench.models.training.fit import fit
from mubench.store.checkpoints import Checkpoints
from mubench.store.files import Files
from tests.support.descents import recipe
from tests.support.paths import ROOT
from tests.support.toy import seeded, split_of, weights

STEPS = 9
"""Three epochs of three."""

CASES = {
    "sgd": recipe(
        epochs=3, schedule="cosine", warmup_fraction=0.3, nesterov=True, weight_decay=0.01,
        augment=True,
    ),
    "adamw": recipe(
        epochs=3, schedule="onecycle", warmup_fraction=0.2, optimizer="adamw", learning_rate=0.01,
        augment=True,
    ),
    "bfloat16": recipe(
        epochs=3, schedule="multistep", milestones=(1,), precision="bfloat16", augment=True
    ),
    "channels_last": recipe(epochs=3, channels_last=True, momentum=0.8),
    "streamed": recipe(epochs=3, momentum=0.0, augment=True),
    "compiled": recipe(epochs=3, compile=True, augment=True),
}  # fmt: skip


class Drift(nn.Module):
    """Scales by how often it was asked, which it keeps in a buffer that is no part of weights."""

    def __init__(self):
        super().__init__()
        self.register_buffer("asked", torch.zeros(()), persistent=False)

    def forward(self, inputs):
        self.asked.add_(1.0)
        return inputs * (1 + 0.01 * self.asked)


def network(seed):
    def build():
        body = [nn.Conv2d(3, 19, 3, padding=1), nn.BatchNorm2d(19), nn.ReLU(), nn.Dropout(0.3)]
        return nn.Sequential(*body, nn.Conv2d(19, 5, 1), Drift(), nn.Flatten(), nn.Linear(180, 3))

    return seeded(build, seed)


def pictures(device, *, is_streamed):
    """Images of three channels, which their augmentation crops and mirrors."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (21, 3, 6, 6), generator=generator, dtype=torch.uint8)
    norm = (torch.full((3, 1, 1), value, device=device) for value in (1 / 64, -2.0))
    labels = (torch.arange(21) % 3).to(device)
    split = split_of(pixels.to(device), labels, ImageTransform(*norm, 1, True, 255))
    return Split.whole(replace(split._source, is_streamed=is_streamed))


class Keeper:
    """Keeps the state after every step under the step's number."""

    def __init__(self, keep):
        self.keep, self.steps = keep, 0

    def load(self):
        return None

    def is_due(self):
        return True

    def save(self, state):
        self.steps += 1
        self.keep(self.steps, {name: value.cpu().numpy() for name, value in state.items()})


class Continuing:
    """Goes on from one state."""

    def __init__(self, state):
        self.state = state

    def load(self):
        return {name: torch.from_numpy(array) for name, array in self.state.items()}

    def is_due(self):
        return False

    def save(self, state):
        raise AssertionError("nothing was due")


def trained(case, checkpointer=None, *, seed=0, device="cpu"):
    """The weights after a training whose initial weights and dropout are of a seed."""
    torch.manual_seed(seed)
    model = network(seed).to(device)
    fit(model, pictures(device, is_streamed=case == "streamed"), CASES[case], 3, checkpointer)
    return weights(model) | {"asked": model[5].asked}


def keep_all(folder, case):
    """Train with a state kept after every step; return the weights."""
    files = Checkpoints(Files(str(folder)))
    return trained(case, Keeper(lambda step, arrays: files.save(f"{case}-{step}", arrays, {})))


def continued_elsewhere(folder, *cases, steps=range(1, STEPS + 1)):
    """Continue from the states in another process; its weights by case and step."""
    command = [sys.executable, "-m", "tests.support.cut_training", folder, *cases]
    subprocess.run([*map(str, command), ",".join(map(str, steps))], cwd=ROOT, check=True)
    return {
        (case, step): torch.load(folder / f"{case}-{step}.pt") for case in cases for step in steps
    }


def main(folder, *cases_and_steps):
    *cases, steps = cases_and_steps
    files = Checkpoints(Files(folder))
    for case in cases:
        for step in map(int, steps.split(",")):
            checkpointer = Continuing(files.load(f"{case}-{step}").arrays)
            torch.save(trained(case, checkpointer, seed=step), f"{folder}/{case}-{step}.pt")


if __name__ == "__main__":
    main(*sys.argv[1:])
