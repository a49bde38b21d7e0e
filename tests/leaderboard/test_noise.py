"""The noise floor of a cell is that of its Retrains."""

import numpy as np
import pytest

from mubench.leaderboard.noise import noise_of
from tests.support.board import find
from tests.support.report_world import CELLS


def test_retrains_row_holds_the_noise_floor(board_rows):
    retrain = find(board_rows, CELLS[0], "retrain", "")
    noise = noise_of(retrain)
    assert noise is not None
    # Replica r lies 0.01 r above: of three, two pairs lie 0.01 apart and one 0.02.
    assert noise.pairs == 9
    assert noise.mean["gap"] == pytest.approx(0.04 / 3)
    assert noise.percentile_95["gap"] == pytest.approx(np.percentile([0.01, 0.01, 0.02] * 3, 95))
    assert noise_of(find(board_rows, CELLS[0], "original", "")) is None
