"""What steps send through models, counted before anything has run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mubench.catalogue import cards
from mubench.catalogue.expressions import evaluate
from mubench.catalogue.search_space import Scalar
from mubench.data.scenario import Classes, Groups, GroupShare, Ids, Random, forget_count
from mubench.sweep.plan import ORIGINAL, Request, Step


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


def work_of(step: Step, params: Mapping[str, Scalar]) -> Work:
    """The work of a step with these hyperparameters; evaluation is not counted."""
    if step.refusal or step.method == ORIGINAL:
        return Work()
    card = step.dataset.card
    if "train" not in card.sizes:
        return Work(is_exact=False)
    size = _train_size(step, card)
    n_f, is_exact = _forgotten(step.request, size, card) if step.request else (0, True)
    is_exact &= not _settings(step, card).get("deduplicate", False)  # leaves some out
    if step.kind in ("train", "retrain"):
        epochs = step.recipe.epochs
        examples = epochs * (size - n_f)
        return Work(epochs, examples, examples, is_exact)
    sizes = {"n_f": n_f, "n_r": size - n_f, "K": len(card.classes)}
    values = {**params, **sizes, "n_v": _holdout_size(step, card)}
    cost = cards.method(step.method).cost
    forward, backward = (
        round(evaluate(cost[way], values, f"{step.method}: cost.{way}"))
        for way in ("forward", "backward")
    )
    return Work(0, forward, backward, is_exact)


def _settings(step: Step, card: cards.DataCard) -> dict[str, Any]:
    """The options of a step's data set, given or not."""
    return {**card.options, **step.dataset.options}


def _holdout_size(step: Step, card: cards.DataCard) -> int:
    """Examples of D_val."""
    there = card.sizes.get("validation", 0)
    return min(_settings(step, card).get("holdout_size") or there, there)


def _train_size(step: Step, card: cards.DataCard) -> int:
    """Examples of D_tr: those of the card, or as many as its option keeps."""
    kept = _settings(step, card).get("train_size")
    return min(kept or card.sizes["train"], card.sizes["train"])


def _forgotten(request: Request, size: int, card: cards.DataCard) -> tuple[int, bool]:
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
