"""Which row stands where: the newest counts, incomplete ones stand last."""

from dataclasses import replace

import pytest

from mubench.leaderboard.board import make_board
from mubench.leaderboard.row import BoardRow
from mubench.leaderboard.rows_from_results import rows_from_results
from tests.support.board import find, node_of, source
from tests.support.report_world import CELLS, RETRAIN


def test_an_incomplete_row_stands_last_and_is_no_best(board_rows):
    here = [row for row in board_rows if row.cell == CELLS[1] and row.selection == "tuned"]
    node = node_of(find(board_rows, CELLS[1], "ugradsl_plus", "tuned"))
    partial = BoardRow.model_validate(node | {"requests": node["requests"][:2]})
    (cell,) = make_board([partial, *(row for row in here if row.row != partial.row)]).cells
    assert [held.row.row for held in cell.methods][-1] == "ugradsl_plus"
    assert cell.ranks == {("ft", "tuned"): "best", ("ugradsl", "tuned"): "second"}
    (cell,) = make_board(here).cells
    assert cell.ranks == {("ugradsl_plus", "tuned"): "best", ("ft", "tuned"): "second"}


def test_the_distance_of_a_value_is_that_of_its_mean(board_rows):
    """Errors of opposite sign cancel, as in the report's parentheses."""
    node = node_of(find(board_rows, CELLS[1], "ft", "tuned"))
    for by, held in zip((0.03, -0.02, -0.04), node["requests"], strict=True):
        held |= {term: value + by for term, value in held["retrain"].items()}
        held["gap"] = abs(by)
    (cell,) = make_board([BoardRow.model_validate(node)]).cells
    assert cell.methods[0].distances == pytest.approx(dict.fromkeys(RETRAIN, 0.01))
    assert cell.methods[0].estimates["gap"].mean == pytest.approx(0.03)


def measured_again(row, created, record):
    node = node_of(row)
    node["conditions"][0] |= {"created": created, "records": [record]}
    return BoardRow.model_validate(node)


def test_of_the_same_row_twice_the_newest_measured_is_shown(board_rows):
    row = find(board_rows, CELLS[1], "ft", "tuned")
    same_time = measured_again(row, "2026-02-03T06:05:06+02:00", "a")
    assert same_time.newest == row.newest, "in another time zone"
    later = measured_again(row, "2026-02-03T04:05:07+00:00", "b")
    for order in ([row, later], [later, row]):
        (cell,) = make_board(order).cells
        (held,) = cell.methods
        assert held.row == later
        assert [old.row for old in held.older] == [row]
    (cell,) = make_board([row, row]).cells
    assert cell.methods[0].older == (), "the very same row is no second measurement"


def test_records_that_two_sweeps_share_are_one_measurement(board_rows):
    made = source()
    fewer = tuple(one for one in made.records if one.replica < 2)
    other = rows_from_results(replace(made, name="other", records=fewer))
    for order in ([*board_rows, *other], [*other, *board_rows]):
        board = make_board(order)
        assert not any(held.older for held in board.rows)
        assert [cell.noise.pairs for cell in board.cells] == [9, 9]
