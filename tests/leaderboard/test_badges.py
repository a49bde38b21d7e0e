"""Badges say what is unlike the other rows of a cell."""

import copy

import pytest

from mubench.leaderboard.badges import LEGEND, Usual, badges_of
from mubench.leaderboard.row import BoardRow
from tests.support.board import find, node_of
from tests.support.report_world import CELLS


def said_of(row, others):
    return {badge.kind: badge.text for badge in badges_of(row, Usual(others))}


def test_the_badges_of_the_made_up_sweep(board_rows):
    here = [row for row in board_rows if row.cell == CELLS[0]]
    assert said_of(find(board_rows, CELLS[0], "ft", "tuned"), here) == {}
    assert said_of(find(board_rows, CELLS[0], "ga", "tuned"), here) == {
        "diverged": "diverged 1 of 3"
    }
    assert said_of(find(board_rows, CELLS[0], "iu", "default"), here) == {
        "untuned": "untuned",
        "failed": "refused 1 of 3",
    }
    assert said_of(find(board_rows, CELLS[0], "ft", "default"), here) == {
        "untuned": "untuned",
        "flagged": "predictions unchanged 3 of 3",
    }


def test_badges_say_what_is_unlike_the_cell(board_rows):
    here = [row for row in board_rows if row.cell == CELLS[1]]
    node = node_of(find(board_rows, CELLS[1], "ft", "tuned"))
    one = copy.deepcopy(node) | {"requests": node["requests"][:1], "expected": 4}
    one["tuning"]["trials"] = 8
    one["conditions"][0]["device"] = "gpu: other"
    row = BoardRow.model_validate(one)
    assert said_of(row, [*here, row]) == {
        "single seed": "single seed",
        "over budget": "over budget: 8, most 4",
        "other hardware": "other hardware",
        "failed": "not run 3 of 4",
    }
    less = copy.deepcopy(node)
    less["tuning"]["trials"] = 2
    assert said_of(BoardRow.model_validate(less), here) == {}
    assert set(LEGEND) >= {kind for row in board_rows for kind in said_of(row, here)}


@pytest.mark.parametrize(("by", "kinds"), [(0.0, set()), (0.015, set()), (0.03, {"other Retrain"})])
def test_another_retrain_counts_beyond_the_noise(board_rows, by, kinds):
    """Two Retrains of the made-up sweep differ by 0.02 at most."""
    here = [row for row in board_rows if row.cell == CELLS[1]]
    node = node_of(find(board_rows, CELLS[1], "ft", "tuned"))
    for held in node["requests"]:
        for term in ("ua", "ra", "ta", "mia_svc"):
            held[term] -= by
            held["retrain"][term] -= by
    assert said_of(BoardRow.model_validate(node), here).keys() == kinds


def test_other_forget_sets_and_other_requests_have_badges(board_rows):
    here = [row for row in board_rows if row.cell == CELLS[1]]
    node = node_of(find(board_rows, CELLS[1], "ft", "tuned"))
    node["requests"][0]["forget_hash"] = "other"
    assert said_of(BoardRow.model_validate(node), here).keys() == {"other Retrain"}
    node = node_of(find(board_rows, CELLS[1], "ft", "tuned"))
    node["requests"][0]["name"] = "elsewhere"
    assert said_of(BoardRow.model_validate(node), here).keys() == {"other requests"}


def test_several_requests_of_one_train_seed_are_a_single_seed(board_rows):
    node = node_of(find(board_rows, CELLS[1], "ft", "tuned"))
    for held in node["requests"]:
        held["seed_train"] = 7
    assert said_of(BoardRow.model_validate(node), []).keys() >= {"single seed"}
