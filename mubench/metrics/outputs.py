"""Outputs of a model for every example of a set: the only input of metrics."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


_OPTIONAL = ("groups", "noisy_labels", "true_labels", "fooled")


@dataclass(frozen=True, eq=False)
class Outputs:
    """One model's outputs: `ids` (n,) int64, `labels` (n,) int64, `logits` (n, K) float32.

    `groups` (n,) int64 where the data set has any: identities, or subclasses of its classes.
    `noisy_labels` (n,) int64 of held-out examples: those that they would have in D_tr, where an
    option of the data set makes some of D_tr's labels wrong; their `labels` are true. `true_labels`
    (n,) int64 of examples of D_tr: those that they had before such an option. `fooled`
    (n,) int64 of held-out images, where there is a trigger: 1 where the image with the trigger is
    put into the trigger's class, 0 where not, -1 for images of that class. Raises ValueError where
    shapes do not fit each other or a label is not one of the K classes.
    """

    ids: NDArray[np.int64]
    labels: NDArray[np.int64]
    logits: NDArray[np.float32]
    groups: NDArray[np.int64] | None = None
    noisy_labels: NDArray[np.int64] | None = None
    true_labels: NDArray[np.int64] | None = None
    fooled: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.logits.ndim != 2 or self.logits.shape[1] < 2:
            raise ValueError(f"logits must have shape (n, K >= 2), got {self.logits.shape}")
        for name in ("ids", "labels", *_OPTIONAL):
            column = getattr(self, name)
            if column is not None and column.shape != self.logits.shape[:1]:
                raise ValueError(
                    f"{name} of shape {column.shape} do not fit logits of shape {self.logits.shape}"
                )
        if np.any((self.labels < 0) | (self.labels >= self.num_classes)):
            raise ValueError(
                f"labels must lie in [0, {self.num_classes}), "
                f"got {self.labels.min()} to {self.labels.max()}"
            )

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Any]) -> "Outputs":
        """From what `arrays` returned. Raises KeyError where a part is missing, or ValueError."""
        required = (arrays["ids"], arrays["labels"], arrays["logits"])
        return cls(*required, *map(arrays.get, _OPTIONAL))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As they are stored: each field that is there, by its name."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: values for name, values in fields.items() if values is not None}

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.logits.shape[1])

    def finite_logits(self) -> Floats:
        """Logits (n, K) float64: the one way from stored logits to a number.

        Raises ValueError for inf or NaN, so that no metric can turn them into a value.
        """
        broken = ~np.isfinite(self.logits).all(axis=1)
        if broken.any():
            raise ValueError(
                f"{broken.sum()} of {len(self)} examples have non-finite logits, "
                f"the first has id {self.ids[broken][0]}"
            )
        return self.logits.astype(np.float64)

    def log_probabilities(self) -> Floats:
        """Logarithms of q (n, K) float64, exact even where q itself would round to 0."""
        shifted = self.finite_logits()
        shifted -= shifted.max(axis=1, keepdims=True)
        shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return shifted

    def predictions(self) -> NDArray[np.int64]:
        """Class of the largest logit (n,); of equal ones the first."""
        return np.asarray(self.finite_logits().argmax(axis=1))

    def where(self, mask: NDArray[np.bool_]) -> "Outputs":
        """The examples whose `mask` (n,) is true, in order."""
        return self.at(np.flatnonzero(mask))

    def at(self, positions: NDArray[np.int64]) -> "Outputs":
        """The examples at `positions` (m,), in that order."""
        return Outputs(**{name: values[positions] for name, values in self.arrays().items()})

    def labelled_like_members(self) -> "Outputs":
        """The same answers beside the labels that D_tr would have for these examples.

        An attack compares members with non-members: only membership may distinguish them.
        """
        if self.noisy_labels is None:
            return self
        return replace(self, labels=self.noisy_labels, noisy_labels=None)

    def of_ids(self, ids: NDArray[np.int64]) -> "Outputs":
        """The examples with these `ids` (m,), in that order. Raises KeyError with an absent id."""
        if np.array_equal(ids, self.ids):
            return self
        order = np.argsort(self.ids, kind="stable")
        ranks = np.searchsorted(self.ids, ids, sorter=order)
        is_present = ranks < len(self)
        is_present[is_present] = self.ids[order[ranks[is_present]]] == ids[is_present]
        if not is_present.all():
            raise KeyError(f"id {ids[~is_present][0]} is not among these {len(self)} outputs")
        return self.at(order[ranks])

    def corrupted(self) -> "Outputs":
        """The examples whose label an option of the data set made wrong, with their true labels."""
        if self.true_labels is None:
            return self.where(np.zeros(len(self), dtype=bool))
        wrong = self.true_labels != self.labels
        return replace(self.where(wrong), labels=self.true_labels[wrong])

    def of_classes(self, classes: Iterable[int]) -> "Outputs":
        """The examples whose label is one of `classes`."""
        return self.where(np.isin(self.labels, list(classes)))

    def without_classes(self, classes: Iterable[int]) -> "Outputs":
        """The examples whose label is none of `classes`."""
        return self.where(~np.isin(self.labels, list(classes)))

    def of_groups(self, groups: Iterable[int]) -> "Outputs":
        """The examples that belong to one of `groups`; empty where the data set has no groups."""
        return self.where(self._in_groups(groups))

    def without_groups(self, groups: Iterable[int]) -> "Outputs":
        """The examples that belong to none of `groups`."""
        return self.where(~self._in_groups(groups))

    def _in_groups(self, groups: Iterable[int]) -> NDArray[np.bool_]:
        if self.groups is None:
            return np.zeros(len(self), dtype=bool)
        return np.isin(self.groups, list(groups))


class SplitOutputs(Protocol):
    """One model's outputs on three splits: `Evaluated`, or outputs that a store reads on demand."""

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
        """On the held-out split."""
        ...


@dataclass(frozen=True, eq=False)
class Evaluated:
    """One model's outputs on D_f, D_r and the held-out split, in memory.

    Held out is validation while searching and test in final steps.
    """

    forget: Outputs
    retain: Outputs
    holdout: Outputs


def retained_holdout(
    model: SplitOutputs, forget_classes: tuple[int, ...], forget_groups: tuple[int, ...]
) -> Outputs:
    """The held-out examples that TA counts: those of no class or group that is forgotten whole."""
    return model.holdout.without_classes(forget_classes).without_groups(forget_groups)


def retained_non_members(
    model: SplitOutputs, forget_classes: tuple[int, ...], forget_groups: tuple[int, ...]
) -> Outputs:
    """The held-out examples most like D_r, with labels as in D_tr."""
    unseen = model.holdout.labelled_like_members()
    return unseen.without_classes(forget_classes).without_groups(forget_groups)


def comparable_holdout(model: SplitOutputs, forget_groups: tuple[int, ...]) -> Outputs:
    """The held-out examples most like D_f: of the forgotten groups if any, else of its classes.

    Their labels are as in D_tr. A random D_f mostly has all classes: then these are all held-out
    examples.
    """
    unseen = model.holdout.labelled_like_members()
    in_groups = unseen.of_groups(forget_groups)
    if len(in_groups):
        return in_groups
    return unseen.of_classes(np.unique(model.forget.labels))
