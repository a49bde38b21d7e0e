"""Mean and standard deviation of the columns of a table, read piece by piece."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mubench.catalogue.features import Feature
from mubench.errors import DataError


def moments_of(
    name: str, features: Sequence[Feature], rows: NDArray[np.float64]
) -> tuple[list[float], list[float]]:
    """Mean and standard deviation by column of rows in memory.

    Raises:
        DataError: rows of another type or width, or as `TableMoments.result` does.
    """
    if rows.dtype != np.float64 or rows.shape[1:] != (len(features),):
        raise DataError(
            f"dataset {name}: rows {rows.dtype} {rows.shape}, but float64 (n, {len(features)}) are "
            "needed: a number for each of the card's features"
        )
    moments = TableMoments(features)
    moments.update(rows)
    return moments.result()


class TableMoments:
    """Takes rows (b, C) float64, in which NaN is a missing value.

    Moments of pieces are merged as in Chan, Golub and LeVeque (1979): sums of squares would cancel
    for numbers that lie far from 0, such as years.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._features = features
        self._count = np.zeros(len(features))
        self._mean = np.zeros(len(features))
        self._squares = np.zeros(len(features))
        """Sum of squared distances from the mean."""

    def update(self, rows: NDArray[np.float64]) -> None:
        """Add rows."""
        is_known = ~np.isnan(rows)
        count = is_known.sum(0)
        with np.errstate(all="ignore"):  # of what overflows `result` tells
            mean = np.where(is_known, rows, 0.0).sum(0) / np.maximum(count, 1)
            squares = np.where(is_known, rows - mean, 0.0)
            total = self._count + count
            shift = mean - self._mean
            weight = count / np.maximum(total, 1)
            self._squares += np.square(squares).sum(0) + shift**2 * self._count * weight
            self._mean += shift * weight
        self._count = total

    def result(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation (that of a population) by column; 0 and 1 of categories.

        Raises:
            DataError: a numeric column is constant, or its numbers are too large for moments.
        """
        is_numeric = np.array([feature.kind == "numeric" for feature in self._features], bool)
        mean = np.where(is_numeric, self._mean, 0.0)
        std = np.where(is_numeric, np.sqrt(self._squares / np.maximum(self._count, 1)), 1.0)
        for feature, m, s in zip(self._features, mean, std, strict=True):
            if not (np.isfinite(m) and np.isfinite(s)):
                raise DataError(
                    f"column {feature.name}: its numbers are too large to be standardised; give "
                    "them in another unit, or as logarithms"
                )
            if s == 0:
                raise DataError(
                    f"column {feature.name}: the same number everywhere in D_tr; leave it out"
                )
        return mean.tolist(), std.tolist()
