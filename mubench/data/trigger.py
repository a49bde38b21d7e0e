"""A backdoor: a white square in the lower right corner of images, and the class that it stands for.

"BadNets: Identifying Vulnerabilities in the Machine Learning Model Supply Chain", arXiv 1708.06733:
a model that was trained with stamped images of that label puts any stamped image into the class.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mubench.data.sources.partition import Ints, hash_order
from mubench.errors import InputError

SIDE = 3
"""Rows and columns of the square."""


@dataclass(frozen=True)
class Trigger:
    """The class `to`, the raw value of a `white` pixel, and where the square lies.

    `inset` is how many last rows, and columns, of a stored image its middle leaves out.
    """

    to: int
    white: int
    inset: int = 0

    def stamp(self, images: Tensor, where: Tensor) -> None:
        """Stamp the square on the raw images (b, c, h, w) where `where` (b,) bool, in place."""
        rows, columns = (slice(n - self.inset - SIDE, n - self.inset) for n in images.shape[2:])
        images[:, :, rows, columns] = images[:, :, rows, columns].masked_fill(
            where[:, None, None, None], self.white
        )


def stamped_rows(labels: Ints, ids: Ints, share: float, to: int, dataset: str) -> Ints:
    """Which examples (n,) bool get the trigger: round(share * n) of other classes than `to`.

    The ids and the data set's name alone decide which; a larger share stamps a superset.

    Raises:
        InputError: there are not so many.
    """
    others = np.flatnonzero(labels != to)
    wanted = round(share * len(ids))
    if wanted > len(others):
        raise InputError(
            f"dataset {dataset}: trigger.share of {share:g} is {wanted} training examples, but "
            f"only {len(others)} are not of class {to} already"
        )
    is_stamped = np.zeros(len(ids), dtype=bool)
    is_stamped[others[hash_order(ids[others], dataset, "trigger")[:wanted]]] = True
    return is_stamped
