"""Rows of a table as a model's inputs: standardised numbers, and a 1 for each category.

Stored are the values themselves, one float64 for each column: a number, the position of a category
among those of D_tr, -1 for one that D_tr does not have, or NaN where the value is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from typing_extensions import override

from mubench.catalogue.features import Feature
from mubench.data.split import Draws, Inputs, Transform

OTHER = -1.0
"""The stored value of a category that D_tr does not have."""


@dataclass(frozen=True)
class TableTransform(Transform):
    """From stored values (b, C) float64 to a model's inputs (b, D) float32.

    A number is standardised by the moments of D_tr; where it is missing it is their mean, 0, and
    its indicator is 1. All inputs of a category that D_tr does not have are 0: a weight of its own
    would never be trained.
    """

    mean: Tensor
    """(C,) float64; of categorical columns 0."""
    std: Tensor
    """(C,) float64; of categorical columns 1."""
    is_numeric: Tensor
    """(C,) bool."""
    first: Tensor
    """(C,) int64: the first input of each column."""
    gap: Tensor
    """(C,) int64: the input that is 1 where the value is missing; D where there is none."""
    width: int
    """D."""

    @classmethod
    def of(
        cls,
        features: Sequence[Feature],
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device | str,
    ) -> "TableTransform":
        """From the columns, and the moments of D_tr."""
        first = [0, *accumulate(feature.width for feature in features)]
        width = first.pop()
        gap = [
            start + feature.width - 1 if feature.has_missing else width
            for start, feature in zip(first, features, strict=True)
        ]
        return cls(
            mean=torch.tensor(mean, dtype=torch.float64, device=device),
            std=torch.tensor(std, dtype=torch.float64, device=device),
            is_numeric=torch.tensor([f.kind == "numeric" for f in features], device=device),
            first=torch.tensor(first, device=device),
            gap=torch.tensor(gap, device=device),
            width=width,
        )

    @override
    def numbers(self, stored: int) -> int:
        """The inputs, in float64 while they are made."""
        return max(stored, 2 * self.width)

    @override
    def __call__(self, inputs: Inputs, draws: Draws | None) -> Tensor:
        """Nothing is augmented."""
        del draws
        assert isinstance(inputs, Tensor)
        is_missing = inputs.isnan()
        values = inputs.nan_to_num(OTHER)
        # One column too many, for what becomes no input.
        made = inputs.new_zeros(len(inputs), self.width + 1)
        has_category = ~self.is_numeric & (values >= 0)
        hot = torch.where(has_category, self.first + values.long(), self.width)
        made.scatter_(1, torch.where(is_missing, self.gap, hot), 1.0)
        numbers = ((inputs - self.mean) / self.std).masked_fill(is_missing, 0.0)
        made[:, self.first[self.is_numeric]] = numbers[:, self.is_numeric]
        return made[:, :-1].to(torch.float32)
