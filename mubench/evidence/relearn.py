"""How fast a model learns again what it forgot.

A model whose outputs look like Retrain's may still hold D_f: training on D_r alone, or on a few
examples of D_f, brings it back, which it does not in Retrain ("From Dormant to Deleted", arXiv
2505.22310; "Spotter", arXiv 2506.01318). All models of a request are trained with the same
settings, the same few examples and the same batches; what counts is the difference to Retrain.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mubench.data.split import Batch, Split, join
from mubench.evidence.subject import Subject
from mubench.methods.shared.fixed_norms import fixed_norms
from mubench.models.recipe import Recipe
from mubench.models.training.descent import Descent, Hooks, descend
from mubench.models.training.evaluate import accuracy_of
from mubench.models.training.loader import Loader
from mubench.sweep.evidence import RelearnSpec

MARGIN = 0.05
"""Of the original's accuracy on D_f that may lack when it counts as learnt again."""


def relearn(subject: Subject, asked: RelearnSpec) -> dict[str, float]:
    """The values of the block by metric name; accuracies are fractions.

    `relearn_retain_<e>`: accuracy on D_f after epoch e on D_r alone, `relearn_retain` after the
    last. `relearn_few`: accuracy on the rest of D_f after `few_steps` steps on a few examples of
    it, each with as many of D_r: alone, they would teach any model one class. Absent where there
    is no rest. `relearn_steps`: steps on batches of D_f until its accuracy
    is within 5 % of the original's, `most_steps` where it never is; the model may start there, at
    0 steps (as the anamnesis index of Chundawat et al. 2023, arXiv 2205.08096, but in steps).

    Raises:
        Diverged: the recipe left the finite numbers.
    """
    curve = list(_on_retained(subject, asked))
    values = {f"relearn_retain_{epoch}": value for epoch, value in enumerate(curve, 1)}
    few, others = subject.drawn(subject.forget, asked.examples, "few")
    if len(others):
        values["relearn_few"] = _on_few(subject, asked, few, others)
    return {**values, "relearn_retain": curve[-1], "relearn_steps": _steps(subject, asked)}


def _on_retained(subject: Subject, asked: RelearnSpec) -> list[float]:
    """Accuracy on D_f after each epoch on D_r."""
    model, curve = copy.deepcopy(subject.model), list[float]()
    loader = _loader(subject, subject.retain)

    def note(_: int) -> bool:
        curve.append(accuracy_of(model, subject.forget))
        return False

    hooks = Hooks(after_epoch=note)
    _train(model, subject.recipe, asked, lambda _: loader.epoch(), len(loader), hooks)
    return curve


def _on_few(subject: Subject, asked: RelearnSpec, few: Split, others: Split) -> float:
    """Accuracy on the rest of D_f after steps on a few examples of it."""
    model = copy.deepcopy(subject.model)
    loaders = [_loader(subject, split, len(few)) for split in (few, subject.retain)]
    cycles = [loader.cycle([len(few)] * asked.few_steps) for loader in loaders]
    batches = list(map(join, zip(*cycles, strict=True)))
    _train(model, subject.recipe, asked, lambda _: batches, asked.few_steps)
    return accuracy_of(model, others)


def _steps(subject: Subject, asked: RelearnSpec) -> float:
    """Steps on D_f until its accuracy is nearly the original's again."""
    model = copy.deepcopy(subject.model)
    target = (1 - MARGIN) * accuracy_of(subject.original, subject.forget)
    taken = 0

    def until_learnt(batches: Iterable[Batch]) -> Iterator[Batch]:
        nonlocal taken
        for batch in islice(batches, asked.most_steps):
            if accuracy_of(model, subject.forget) >= target:
                return
            taken += 1
            yield batch

    batches = until_learnt(_endless(_loader(subject, subject.forget)))
    _train(model, subject.recipe, asked, lambda _: batches, asked.most_steps)
    return float(taken)


def _endless(loader: Loader) -> Iterator[Batch]:
    while True:
        yield from loader.epoch()


def _loader(subject: Subject, split: Split, size: int | None = None) -> Loader:
    """Batches of the recipe's size, or of another."""
    recipe = subject.recipe
    size = recipe.batch_size if size is None else size
    return Loader(split, size, seed=subject.seed, name="relearn", augment=recipe.augment)


def _train(
    model: nn.Module,
    recipe: Recipe,
    asked: RelearnSpec,
    batches: Callable[[int], Iterable[Batch]],
    steps: int,
    hooks: Hooks | None = None,
) -> None:
    """Cross-entropy by the recipe, at a constant share of its learning rate."""
    settings = Descent(
        learning_rate=asked.rate * recipe.learning_rate,
        epochs=asked.epochs if hooks else 1,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
        optimizer=recipe.optimizer,
        precision=recipe.precision,
    )

    def loss(batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.inputs), batch.labels)

    with torch.enable_grad(), fixed_norms(model):
        descend(model, settings, batches, loss, steps_per_epoch=steps, hooks=hooks)
