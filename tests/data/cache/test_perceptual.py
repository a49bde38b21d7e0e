"""Pictures that look alike: all of them are found, and nothing else."""

import numpy as np
import pytest
from scipy.fft import dctn

from mubench.data.cache.perceptual import APART, OF_CONTRAST, alike, small_pictures


def scene(seed: int, side: int = 64) -> np.ndarray:
    """A smooth picture (3, side, side), unlike those of other seeds."""
    waves = np.random.default_rng(seed).normal(size=(3, 6, 6))
    spectrum = np.zeros((3, side, side))
    spectrum[:, :6, :6] = waves / (1 + np.add.outer(np.arange(6), np.arange(6)))
    picture = dctn(spectrum, type=3, axes=(1, 2))
    low, high = picture.min(), picture.max()
    return np.round(255 * (picture - low) / (high - low)).astype(np.uint8)


def test_a_small_picture_is_the_means_of_pieces_without_their_mean():
    picture = scene(0, 32)
    [small] = small_pictures(picture[None])
    means = picture.mean(0).reshape(16, 2, 16, 2).mean((1, 3))
    assert np.allclose(small.reshape(16, 16), means - means.mean(), atol=1e-3)
    [odd] = small_pictures(np.full((1, 1, 7, 40), 9, np.uint8))
    assert np.allclose(odd, 0, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: np.clip(p + 20, 0, 255),
        lambda p: np.clip(p + np.random.default_rng(1).integers(-9, 10, p.shape), 0, 255),
        lambda p: p // 8 * 8,
    ],
)
def test_what_looks_alike_is_found_among_many(change):
    pictures = np.stack([scene(seed) for seed in range(200)]) // 2 + 50
    other = change(pictures[17].astype(int)).astype(np.uint8)[None]
    assert alike(small_pictures(np.concatenate([pictures, other]))).tolist() == [[17, 200]]


def test_the_same_pairs_as_by_comparing_all():
    rng = np.random.default_rng(0)
    base = rng.normal(0, 40, (150, 256))
    other = base + rng.normal(0, 1, base.shape) * rng.uniform(0, 12, (150, 1))
    small = np.concatenate([base, other]).astype(np.float32)
    small -= small.mean(1, keepdims=True)
    apart = np.sqrt(np.square(small[:, None] - small[None]).mean(2))
    expected = np.argwhere(np.triu(apart <= APART, 1))
    assert 30 < len(expected) < 120
    assert alike(small).tolist() == expected.tolist()


def test_pictures_with_little_contrast_must_be_nearer():
    rng = np.random.default_rng(0)
    one = rng.normal(0, 10, 256)
    for distance, found in ((0.8 * OF_CONTRAST * 10, True), (1.4 * OF_CONTRAST * 10, False)):
        other = one + rng.permutation(np.repeat([distance, -distance], 128))
        assert len(alike(np.stack([one, other]).astype(np.float32))) == found


def test_of_many_alike_all_are_linked():
    pairs = alike(small_pictures(np.stack([scene(1)] * 40)))
    assert {int(row) for row in pairs.reshape(-1)} == set(range(40))


def test_one_picture_or_none_has_no_twin():
    assert (
        len(alike(np.zeros((1, 256), np.float32)))
        == len(alike(np.zeros((0, 256), np.float32)))
        == 0
    )
