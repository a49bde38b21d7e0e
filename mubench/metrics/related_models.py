"""A model of a request beside its relatives: what later metrics are computed from.

A later metric needs the outputs of other models too, or came after the sweep had run. No module of
theirs may be imported by `score`: ids of records cover all that it imports.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from mubench.metrics.outputs import Outputs

Relation = Literal["target", "retrained", "original", "references", "siblings", "oracles"]


class NoValue(Exception):
    """A metric has no value here; the text says why."""


class Answers(Protocol):
    """What `Evaluated` is; outputs in a store are read when they are asked for."""

    @property
    def forget(self) -> Outputs:
        """On D_f."""
        ...

    @property
    def retain(self) -> Outputs:
        """On D_r."""
        ...

    @property
    def holdout(self) -> Outputs:
        """On the test split."""
        ...


@dataclass(frozen=True, eq=False)
class Related:
    """One model of a final request, and its relatives."""

    target: Answers
    retrained: Answers | None = None
    """The Retrain that gaps are taken to; None for itself."""
    original: Answers | None = None
    """None for itself and for Retrains."""
    references: tuple[Answers, ...] = ()
    """Retrains of the same request, without the target."""
    siblings: tuple[Answers, ...] = ()
    """The target, and those of other train seeds that are the same in all else."""
    oracles: tuple[Answers, ...] = ()
    """All Retrains of the same forget set, without the siblings."""
    forget_classes: tuple[int, ...] = ()
    is_groupwise: bool = False
    """Whether D_f is all of some groups."""

    @property
    def forget_groups(self) -> tuple[int, ...]:
        """The groups that are forgotten whole; mostly there are none."""
        groups = self.target.forget.groups
        return tuple(np.unique(groups).tolist()) if self.is_groupwise and groups is not None else ()

    def kept(self) -> Outputs:
        """The held-out examples that TA counts: without what is forgotten whole."""
        held = self.target.holdout
        return held.without_classes(self.forget_classes).without_groups(self.forget_groups)

    def alike(self) -> Outputs:
        """The held-out examples most like D_f: of its groups if it is of some, or of its classes.

        A random D_f mostly has all classes: then these are the examples that TA counts.
        """
        held = self.target.holdout
        of_groups = held.of_groups(self.forget_groups)
        return (
            of_groups if len(of_groups) else held.of_classes(np.unique(self.target.forget.labels))
        )
