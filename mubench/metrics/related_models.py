"""A model with the other models of its sweep: the input of post-hoc metrics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from mubench.metrics.outputs import Outputs, SplitOutputs, comparable_holdout, retained_holdout

Relation = Literal[
    "target",
    "retrained",
    "original",
    "references",
    "replicates",
    "retrains",
    "before",
    "originals",
]


T = TypeVar("T")


class NoValue(Exception):
    """A metric has no value here; the text says why."""


Values = Mapping[str, float | NoValue]
"""Values of metrics by name, or why one of them has none."""


def value_or_reason(compute: Callable[[], T]) -> T | NoValue:
    """What a function returns, or the NoValue that it raises."""
    try:
        return compute()
    except NoValue as reason:
        return reason.with_traceback(None)  # which would keep all outputs in memory


@dataclass(frozen=True, eq=False)
class ModelContext:
    """One model of a final request, and the models related to it."""

    target: SplitOutputs
    retrained: SplitOutputs | None = None
    """The Retrain that gaps are taken to; None for itself."""
    original: SplitOutputs | None = None
    """None for itself and for Retrains."""
    references: tuple[SplitOutputs, ...] = ()
    """Retrains of the same request, without the target."""
    replicates: tuple[SplitOutputs, ...] = ()
    """The target itself, and the models that differ from it in the train seed only."""
    retrains: tuple[SplitOutputs, ...] = ()
    """All Retrains of the same forget set, without the replicates."""
    before: SplitOutputs | None = None
    """The original that the request is made to, for every target: its own, and Retrains too."""
    originals: tuple[SplitOutputs, ...] = ()
    """The originals of all train seeds, which saw D_f."""
    forget_classes: tuple[int, ...] = ()
    """The classes that are forgotten whole."""
    is_groupwise: bool = False
    """Whether D_f is all of some groups."""
    seconds: float | None = None
    """RTE of the target."""
    retrained_seconds: float | None = None
    """RTE of the Retrain that gaps are taken to."""

    @property
    def compared_with(self) -> SplitOutputs | None:
        """The Retrain that gaps are taken to; for itself another one of the request, if any."""
        return self.retrained or next(iter(self.references), None)

    @property
    def siblings(self) -> tuple[SplitOutputs, ...]:
        """The replicates without the target."""
        return tuple(model for model in self.replicates if model is not self.target)

    @property
    def is_random(self) -> bool:
        """Whether D_f is a random draw rather than whole classes or groups."""
        return not self.forget_classes and not self.is_groupwise

    @property
    def forget_groups(self) -> tuple[int, ...]:
        """The groups that are forgotten whole; empty unless the request is group-wise."""
        groups = self.target.forget.groups
        return tuple(np.unique(groups).tolist()) if self.is_groupwise and groups is not None else ()

    def retained_holdout(self) -> Outputs:
        """The held-out examples that TA counts."""
        return retained_holdout(self.target, self.forget_classes, self.forget_groups)

    def comparable_holdout(self) -> Outputs:
        """The held-out examples most like D_f."""
        return comparable_holdout(self.target, self.forget_groups)
