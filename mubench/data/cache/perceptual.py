"""Pictures that look alike: their small grey pictures differ little.

A perceptual hash finds such pairs by its bits, and loses some where pictures are smooth. Here none
is lost: distances between main components are at most those between whole pictures, so that a
search tree over these components finds all.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from mubench.data.sources.partition import Ints

SIDE = 16
"""Of the small picture."""
APART = 6.0
"""Root mean square difference, at most, of two pictures that look alike: levels of 255."""
OF_CONTRAST = 0.2
"""The same as a share of the standard deviation within the picture that has less."""
NEIGHBOURS = 8
"""Of each picture, so many of the nearest are looked at: more are linked through others."""
_COMPONENTS = 10


def small_pictures(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Grey pictures (n, 256) of images (n, c, h, w), without their mean: brightness counts not."""
    grey = images.mean(1, dtype=np.float32)
    height, width = grey.shape[1:]
    small = (np.matmul(_means(height), grey) @ _means(width).T).reshape(len(images), -1)
    centred: NDArray[np.float32] = small - small.mean(1, keepdims=True)
    return centred


def alike(small: NDArray[np.float32]) -> Ints:
    """Pairs (m, 2) of rows of small pictures (n, 256) that look alike, the smaller row first."""
    from scipy.spatial import cKDTree  # here: what only plans needs no scipy

    if len(small) < 2:
        return np.empty((0, 2), np.int64)
    _, vectors = np.linalg.eigh(small.T @ small)
    main = small @ vectors[:, -_COMPONENTS:]
    count = min(NEIGHBOURS + 1, len(small))
    reach = APART * SIDE * (1 + 1e-4)  # of rounding
    _, near = cKDTree(main).query(main, count, distance_upper_bound=reach, workers=-1)
    left = np.repeat(np.arange(len(small)), count)
    right = near.reshape(-1)
    pairs = np.stack([left, right], 1)[(right < len(small)) & (left != right)]
    pairs = np.unique(np.sort(pairs, 1), axis=0)
    contrast = small.std(1)
    differ = np.concatenate(
        [_apart(small, piece) for piece in np.array_split(pairs, len(pairs) // 4096 + 1)]
    )
    least = contrast[pairs].min(1)
    found: Ints = pairs[(differ <= APART) & (differ <= OF_CONTRAST * least)]
    return found


def _apart(small: NDArray[np.float32], pairs: Ints) -> NDArray[np.float32]:
    difference = small[pairs[:, 0]] - small[pairs[:, 1]]
    apart: NDArray[np.float32] = np.sqrt(np.square(difference).mean(1))
    return apart


@cache
def _means(size: int) -> NDArray[np.float32]:
    """(SIDE, size): the means of equal pieces of a line of pixels."""
    edges = np.linspace(0, size, SIDE + 1)
    pixel = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    weights = np.clip(overlap, 0, None)
    means: NDArray[np.float32] = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return means
