"""How much of a worker's memory a step fills at least with copies of its model.

Parameters are those that the model's card says. Not counted: activations, the data, what single
methods hold beside a descent (vectors of `iu`, masks of `salun`), and originals of other requests.
"""

from collections.abc import Iterable
from typing import NamedTuple

from mubench.catalogue import cards
from mubench.sweep.rows import Row
from mubench.sweep.steps import FinalStep, RetrainStep, SearchStep, Step, TrainStep


class Memory(NamedTuple):
    """What a step holds: `copies` float32 values for each parameter of its model."""

    what: str
    """`training of vit_base`, or the row that unlearns."""
    bytes: int
    copies: int


def memory_of(steps: Iterable[Step]) -> Memory | None:
    """The most that one of the steps holds; None where no card says how large a model is."""
    return max(filter(None, map(_of, steps)), key=lambda memory: memory.bytes, default=None)


def _of(step: Step) -> Memory | None:
    model = step.training.model
    match step:
        case TrainStep() | RetrainStep():
            what, copies = "training", _of_descent(step.training.recipe.optimizer)
        case SearchStep(row=row) | FinalStep(row=Row() as row):
            what, copies = row.label, _of_unlearning(row)
        case _:  # the original, at which nobody works
            return None
    if model.card.parameters is None:
        return None
    return Memory(f"{what} of {model.label}", 4 * model.card.parameters * copies, copies)


def _of_unlearning(row: Row) -> int:
    """Beside the descent the original, and a copy of it for who needs a teacher."""
    has_teacher = "teacher" in cards.method(row.method).needs
    return _of_descent(str(row.space.defaults.get("optimizer", "sgd"))) + 1 + has_teacher


def _of_descent(optimizer: str) -> int:
    """Weights, gradients, weights at the end of the last finite epoch, the optimizer's."""
    return 3 + {"sgd": 1, "sam": 4}.get(optimizer, 2)
