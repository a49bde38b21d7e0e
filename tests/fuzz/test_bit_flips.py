"""One changed bit in any file of a store, a report or a board is told, or changes nothing shown."""

import numpy as np
import pytest

from tests.support.damage import make_world, silent_flips

FLIPS = 12
"""For each kind of file; `benchmarks/bit_flips.py` makes 300."""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def test_no_changed_bit_is_silent(kinds):
    rng = np.random.default_rng(0)
    for kind in kinds:
        _, silent = silent_flips(kind, FLIPS, rng)
        assert silent == [], kind.name
