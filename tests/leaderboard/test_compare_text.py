"""Verdicts of a comparison, corrected for their number."""

import numpy as np
import pytest
from rich.console import Console

from mubench.leaderboard.compare import compare_with_board
from mubench.leaderboard.compare_text import comparison_parts, verdict_text
from mubench.leaderboard.row import BoardRow
from mubench.report.analysis.significance import mean_interval
from tests.support.board import find, longer, moved, node_of
from tests.support.report_world import CELLS


def test_verdicts_are_corrected_for_the_comparisons_of_the_cell(board_rows):
    """Two rows of mine, each against the best and against its like: four comparisons."""
    theirs = longer(board_rows, 8)
    mine = [moved(find(theirs, CELLS[0], name, "tuned"), 0.01) for name in ("ft", "iu")]
    (cell,) = compare_with_board(mine, theirs).cells
    assert [held.paired.family for held in cell.comparisons] == [4] * 4
    assert [held.paired.p_value for held in cell.comparisons] == [2 / 2**8] * 4
    assert [held.paired.p_holm for held in cell.comparisons] == [4 * 2 / 2**8] * 4
    assert {verdict_text(held) for held in cell.comparisons} == {"farther from Retrain, p = 0.031"}
    (cell,) = compare_with_board([moved(row, 0, 7) for row in mine], theirs).cells
    assert {verdict_text(held) for held in cell.comparisons} == {
        "too few requests: 8 pairs are needed"
    }


def test_the_interval_of_a_mean_contains_the_luck_in_tuning(board_rows):
    theirs = longer(board_rows, 6)
    mine = moved(find(theirs, CELLS[0], "ft", "tuned"), 0.01)
    lucky = mine.model_copy(update={"tuning": mine.tuning.model_copy(update={"luck": 0.05})})
    low, high = mean_interval([held.gap for held in mine.requests], 0.05)
    shown = f"{100 * low:.2f} to {100 * high:.2f}".replace("-", "−")
    for row, is_shown in ((mine, False), (lucky, True)):
        console = Console(width=200)
        with console.capture() as capture:
            console.print(*comparison_parts(compare_with_board([row], theirs)), sep="\n")
        assert (shown in capture.get()) == is_shown


def test_what_cannot_be_paired_is_said(board_rows):
    theirs = find(board_rows, CELLS[0], "ft", "tuned")
    board = [row for row in board_rows if row.row in ("retrain", "ft")]
    (cell,) = compare_with_board([moved(theirs, 0.01, forget_hash="other")], board).cells
    (held,) = cell.comparisons
    assert held.paired is None
    assert held.means == pytest.approx(np.mean([0.01, 0.0101, 0.0102]))
    assert held.remarks == ("3 requests of the same name with another forget set",)
    assert verdict_text(held) == "none: the means are over different requests"
    node = node_of(theirs)
    for term in ("ua", "ra", "ta", "mia_svc"):
        node["requests"][0][term] -= 0.03
        node["requests"][0]["retrain"][term] -= 0.03
    node["tuning"]["trials"] = 9
    (cell,) = compare_with_board([BoardRow.model_validate(node)], board).cells
    (held,) = cell.comparisons
    assert held.paired.difference.n == 2
    assert held.remarks == (
        "1 request with another Retrain (beyond the noise floor)",
        "tuned with 9 candidates, the board's 4",
    )
