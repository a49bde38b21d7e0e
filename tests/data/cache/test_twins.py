"""Exact and near twins among images and texts."""

import numpy as np
import pytest

from mubench.data.cache.twins import TwinFinder
from tests.data.cache.test_perceptual import scene


def found(*pieces):
    finder = TwinFinder()
    for piece in pieces:
        finder.update(piece)
    return finder.twins()


def test_images_in_pieces():
    pictures = np.stack([scene(seed) for seed in range(10)])
    near = np.clip(pictures[3].astype(int) + 3, 0, 255).astype(np.uint8)[None]
    blank = np.full((2, 3, 64, 64), 9, np.uint8)
    twins = found(pictures[:4], np.concatenate([pictures[4:], pictures[2:3]]), near, blank)
    rows = np.arange(14)
    exact, close = rows.copy(), rows.copy()
    exact[10], exact[13] = 2, 12
    close[10], close[13], close[11] = 2, 12, 3
    assert twins.exact.tolist() == exact.tolist()
    assert twins.near.tolist() == close.tolist()
    assert twins.is_blank.tolist() == [False] * 12 + [True] * 2


WORDS = [f"word{i}" for i in range(200)]


@pytest.mark.parametrize(
    ("text", "exact", "near"),
    [
        (" ".join(WORDS), 0, 0),
        ("  ".join(WORDS).upper() + "\n", 0, 0),
        (" ".join([*WORDS[:195], "other", *WORDS[196:]]), 1, 0),
        (" ".join([*WORDS, "more"]), 1, 0),
        (" ".join(WORDS[::-1]), 1, 1),
        (" ".join(WORDS[:100]), 1, 1),
    ],
)
def test_texts(text, exact, near):
    twins = found([" ".join(WORDS)], [text])
    assert (twins.exact[1], twins.near[1]) == (exact, near)


def test_short_and_empty_texts():
    twins = found(["a b", "A  b", "", " \n", "b a"])
    assert twins.exact.tolist() == [0, 0, 2, 2, 4]
    assert twins.near.tolist() == [0, 0, 2, 2, 4]
    assert twins.is_blank.tolist() == [False, False, True, True, False]


def test_a_chain_of_twins_is_one_group():
    base = scene(1).astype(int)
    steps = [np.clip(base + 5 * k, 0, 255).astype(np.uint8) for k in range(4)]
    assert found(np.stack(steps)).near.tolist() == [0, 0, 0, 0]
