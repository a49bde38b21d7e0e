"""Evaluation and metrics of a step against one bare forward pass of the same examples.

What `run/trial.py` does once a model is unlearned: of a search step `evaluate` and `search_values`,
of a final step `evaluate` and `score`. Digits with the small CNN; and ResNet-8 on as many images of
3x32x32 as the sweep `cifar10_small` evaluates. These are digits, enlarged, with noise of their own:
a benchmark needs no download.

    OMP_NUM_THREADS=1 python benchmarks/evaluation.py
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch
from helpers.smoke import sized
from torch import Tensor, nn
from torch.nn import functional as F

from mubench.catalogue import cards
from mubench.data.dataset import load_dataset
from mubench.data.forget_sets import split_forget_retain
from mubench.data.scenario import Random
from mubench.data.split import Source, Split
from mubench.data.transforms import ImageTransform
from mubench.metrics.objective import components, search_values
from mubench.metrics.outputs import Evaluated
from mubench.metrics.score import score
from mubench.models.build import build_model
from mubench.models.recipe import Recipe
from mubench.models.training.evaluate import BATCH
from mubench.models.training.fit import fit
from mubench.run.references import evaluate

ROUNDS = sized(15, 1)
SIZES = {"train": sized(2500, 100), "validation": sized(5000, 100), "test": sized(10_000, 100)}
Splits = Mapping[str, Split]


@dataclass(frozen=True)
class Case:
    """A data set's splits and models: an original, and one that stands for Retrain."""

    name: str
    splits: Splits
    model: nn.Module
    retrained: nn.Module

    def of(self, held_out: str) -> Splits:
        """The splits of a search step (`validation`) or a final step (`test`)."""
        names = ["forget", "retain", "validation"] + (["test"] if held_out == "test" else [])
        return {name: self.splits[name] for name in names}

    def parts(self, model: nn.Module, held_out: str) -> Evaluated:
        outputs = evaluate(model, self.of(held_out))
        return Evaluated(outputs["forget"], outputs["retain"], outputs[held_out])


def digits() -> Case:
    names = ("train", "validation", "test")
    data = load_dataset(cards.dataset("digits").card, {"flip_labels": 0.2}, names, "cpu")
    splits = {name: getattr(data, name) for name in names}
    return _case("digits, small CNN", splits, "small_cnn", (1, 8, 8), sized(20, 1))


def like_cifar10() -> Case:
    data = load_dataset(cards.dataset("digits").card, {}, ("train",), "cpu").train
    assert data is not None
    card = {**cards.dataset("cifar10").card}
    chance = torch.Generator().manual_seed(0)
    raw = data.take(torch.arange(len(data)))
    small = raw.inputs
    assert isinstance(small, Tensor)
    large = F.interpolate((small - small.min()) * 60, (32, 32)).expand(-1, 3, -1, -1)
    splits, first = {}, 0
    for name, size in SIZES.items():
        rows = torch.randint(len(data), (size,), generator=chance)
        noise = torch.randn((size, 3, 32, 32), generator=chance) * 40
        images = (large[rows] + noise).clamp(0, 255).to(torch.uint8)
        ids = torch.arange(first, first + size)
        transform = ImageTransform.of(card, "cpu")
        splits[name] = Split.whole(Source(images, raw.labels[rows], ids, transform))
        first += size
    return _case("CIFAR-10's shapes, ResNet-8", splits, "resnet_small", (3, 32, 32), 1)


def _case(
    name: str, splits: dict[str, Split], model: str, shape: tuple[int, ...], epochs: int
) -> Case:
    forget, retain = split_forget_retain(splits["train"], Random(0.1), "final", 0)
    recipe = Recipe(epochs=epochs, batch_size=64, learning_rate=0.02)
    models = []
    for number, part in enumerate((splits["train"], retain)):
        models.append(build_model(cards.model(model).card, 10, shape, seed=number))
        fit(models[-1], part, recipe, seed=number)
    return Case(name, {**splits, "forget": forget, "retain": retain}, *models)


@torch.no_grad()
def forward(model: nn.Module, inputs: list[Tensor]) -> None:
    """The bare pass: inputs that are ready, in batches."""
    model.eval()
    for x in inputs:
        for batch in x.split(BATCH):
            model(batch)


def seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def measure(case: Case, held_out: str) -> None:
    """Print what a step's evaluation costs and of what it consists."""
    retrained, original = (case.parts(model, held_out) for model in (case.retrained, case.model))
    target, found = components(retrained), case.parts(case.model, held_out)
    splits = case.of(held_out)
    inputs = [split.take(torch.arange(len(split))).inputs for split in splits.values()]

    def metrics() -> object:
        if held_out == "validation":
            return search_values("robust_gap", found, None, target)
        return score(found, retrained, original, retrained_values=target)

    works = {
        "bare": lambda: forward(case.model, inputs),
        "evaluate": lambda: evaluate(case.model, splits),
        "metrics": metrics,
    }
    rounds = [{name: seconds(work) for name, work in works.items()} for _ in range(ROUNDS + 1)][
        1:
    ]  # the first pays for torch's own start
    middle = {name: 1000 * median(each[name] for each in rounds) for name in works}
    ratio = median((each["evaluate"] + each["metrics"]) / each["bare"] for each in rounds)
    step = "search" if held_out == "validation" else "final"
    print(
        f"{case.name}, {step} step, {sum(map(len, inputs))} examples: forward {middle['bare']:.1f} "
        f"ms, evaluate {middle['evaluate']:.1f}, metrics {middle['metrics']:.1f}; "
        f"ratio {ratio:.2f} (at most 1.15)",
        flush=True,
    )


def main() -> None:
    torch.set_num_threads(1)
    for case in (digits(), like_cifar10()):
        for held_out in ("validation", "test"):
            measure(case, held_out)


if __name__ == "__main__":
    main()
