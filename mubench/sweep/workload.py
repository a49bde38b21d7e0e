"""Work of steps: epochs, forward and backward examples, counted before a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from mubench.catalogue import cards
from mubench.catalogue.card_schema import DataCard
from mubench.data.options import corrupted_share
from mubench.data.scenario import (
    Classes,
    Corrupted,
    Groups,
    GroupShare,
    Ids,
    Random,
    discovered_count,
    forget_count,
)
from mubench.errors import InputError
from mubench.models.recipe import Recipe
from mubench.sweep.grid import DatasetSpec
from mubench.sweep.request import Request, Training
from mubench.sweep.rows import Row
from mubench.sweep.steps import FinalStep, RetrainStep, SearchStep, Step, TrainStep


@dataclass(frozen=True)
class Work:
    """Epochs of trainings, and examples that go forward and backward.

    `is_exact` is False where a size is in no card: classes and groups are taken as equally large.
    """

    epochs: int = 0
    forward: int = 0
    backward: int = 0
    is_exact: bool = True

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.epochs + other.epochs,
            self.forward + other.forward,
            self.backward + other.backward,
            self.is_exact and other.is_exact,
        )

    def __mul__(self, count: int) -> "Work":
        return Work(self.epochs * count, self.forward * count, self.backward * count, self.is_exact)


def work_of(step: Step) -> Work:
    """The work of a step, of unlearning at default hyperparameters; evaluation is not counted."""
    match step:
        case TrainStep():
            return _training_work(_sizes(step.training, None), step.training.recipe)
        case RetrainStep():
            return _training_work(_sizes(step.training, step.request), step.training.recipe)
        case SearchStep():
            return _unlearning_work(step.request, step.row)
        case FinalStep(row=Row() as row, refusal=None):
            return _unlearning_work(step.request, row)
        case FinalStep():
            return Work()


class _Sizes(NamedTuple):
    """Numbers of examples; `is_exact` is False where classes are taken as equal."""

    train: int
    forget: int
    validation: int
    classes: int
    is_exact: bool


def train_size(dataset: DatasetSpec) -> int | None:
    """Examples of D_tr; None where the card says none."""
    card = dataset.card
    if "train" not in card.sizes:
        return None
    asked: int | None = {**card.options, **dataset.options}.get("train_size")
    return min(asked or card.sizes["train"], card.sizes["train"])


def holdout_size(dataset: DatasetSpec, split: str) -> int:
    """Examples of D_val (`validation`) or D_te (`test`); 0 where the card says none."""
    card = dataset.card
    asked: int | None = {**card.options, **dataset.options}.get("holdout_size")
    among = card.sizes.get(split, 0)
    return min(asked or among, among)


def _sizes(training: Training, request: Request | None) -> _Sizes | None:
    """Sizes of a request, or of a training on all of D_tr; None where the card says none."""
    card = training.dataset.card
    train = train_size(training.dataset)
    if train is None:
        return None
    options = {**card.options, **training.dataset.options}
    forget, is_exact = (0, True) if request is None else _forgotten(request, train, card, options)
    return _Sizes(
        train=train,
        forget=forget,
        validation=holdout_size(training.dataset, "validation"),
        classes=len(card.classes),
        is_exact=is_exact and not _leaves_some_out(options),
    )


def _leaves_some_out(options: Mapping[str, Any]) -> bool:
    twins = ("duplicates", "near_duplicates")
    return bool(options.get("deduplicate")) or any(options.get(t) == "drop" for t in twins)


def _training_work(sizes: _Sizes | None, recipe: Recipe) -> Work:
    if sizes is None:
        return Work(is_exact=False)
    examples = recipe.epochs * (sizes.train - sizes.forget)
    return Work(recipe.epochs, examples, examples, sizes.is_exact)


def _unlearning_work(request: Request, row: Row) -> Work:
    """Of a method on each part of a request, after which the part is gone from D_tr."""
    sizes = _sizes(request.training, request)
    if sizes is None:
        return Work(is_exact=False)
    work, count = Work(), request.forget.parts
    for number in range(count):
        part = len(range(number, sizes.forget, count))
        work += _method_work(sizes._replace(forget=part), row)
        sizes = sizes._replace(train=sizes.train - part)
    return work


def _method_work(sizes: _Sizes, row: Row) -> Work:
    values = {
        **row.space.defaults,
        "n_f": sizes.forget,
        "n_r": sizes.train - sizes.forget,
        "K": sizes.classes,
        "n_v": sizes.validation,
    }
    card, where = cards.method(row.method), f"{row.method}: "
    forward = card.examples("forward", values, where)
    backward = card.examples("backward", values, where)
    if not forward + backward <= _MOST_EXAMPLES:
        raise InputError(
            f"methods.{row.method}: {forward:.0e} examples forward and {backward:.0e} backward at "
            "these hyperparameters, which never end; change them"
        )
    return Work(0, round(forward), round(backward), sizes.is_exact)


_MOST_EXAMPLES = 1e18
"""Years of all computers."""


def _forgotten(
    request: Request, size: int, card: DataCard, options: Mapping[str, Any]
) -> tuple[int, bool]:
    """Examples of D_f, and whether that is exact."""
    match request.scenario:
        case Random(ratio):
            return forget_count(ratio, size), True
        case GroupShare(ratio):
            return forget_count(ratio, size), False
        case Classes(numbers):
            return forget_count(len(numbers) / len(card.classes), size), False
        case Groups(numbers):
            return forget_count(len(numbers) / len(card.groups), size), False
        case Ids(ids):
            return min(len(ids), size - 1), True
        case Corrupted(discovered):
            return discovered_count(discovered, round(corrupted_share(options) * size)), True
