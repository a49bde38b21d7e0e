"""Rows come back from their files; a problem is one line."""

import json
import os

import pytest

from mubench.errors import InputError
from mubench.leaderboard.read_rows import read_row, read_rows
from mubench.leaderboard.row import to_json
from tests.support.board import find, node_of, put
from tests.support.report_world import CELLS


def test_rows_come_back_from_their_files(board_rows, tmp_path):
    for row in board_rows:
        put(tmp_path, row)
    assert set(map(to_json, read_rows([tmp_path]))) == set(map(to_json, board_rows))
    assert {row.key: row for row in read_rows([tmp_path])} == {row.key: row for row in board_rows}


def test_a_problem_is_one_line_that_no_terminal_obeys(board_rows, tmp_path):
    row = find(board_rows, CELLS[0], "ft", "tuned")
    path = put(tmp_path, row, node_of(row) | {"a\x1b[2J\nb": 1})
    (problem,) = read_row(path)[1]
    assert problem.startswith(f"{path}: a\\x1b[2J b: unknown key; known: ")
    deep = json.dumps(node_of(row)).replace('"ft": {}', '"ft": ' + "[" * 600 + "]" * 600)
    path.write_text(deep)
    (problem,) = read_row(path)[1]
    assert len(problem) < 500


def test_a_pipe_is_no_row_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "row.json")
    with pytest.raises(InputError, match="a pipe or a device"):
        read_rows([tmp_path])
