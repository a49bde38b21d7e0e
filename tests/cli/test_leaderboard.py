"""`mubench leaderboard`: rows are checked, and what is wrong is one line."""

from mubench.leaderboard.row import to_json
from tests.support.board import find, node_of, put
from tests.support.report_world import CELLS


def test_all_problems_of_all_files_are_said_each_in_a_line(board_rows, tmp_path, mubench_):
    good, bad = find(board_rows, CELLS[0], "ft", "tuned"), find(board_rows, CELLS[0], "iu", "tuned")
    put(tmp_path, good)
    node = node_of(bad)
    node["requests"][0]["ua"], node["expected"] = 2, "x"
    put(tmp_path, bad, node)
    (tmp_path / "no.json").write_text("{")
    (tmp_path / "other.json").write_bytes(to_json(good))
    newer = put(tmp_path, find(board_rows, CELLS[0], "ga", "tuned"), {"format": 2})
    code, out, _ = mubench_("leaderboard", "check", tmp_path)
    assert code == 2
    lines = out.splitlines()
    assert lines[-1] == "5 rows, 5 problems"
    said = {line.partition(".json: ")[2].partition(":")[0] for line in lines[:-1]}
    assert said == {"not JSON", "file name", "requests.0.ua", "expected", "format"}
    assert f"{newer}: format: 2 is newer: this mubench reads 1; update it" in lines


def test_a_board_is_not_built_of_a_wrong_row(board_rows, tmp_path, mubench_):
    node = node_of(board_rows[2])
    node["requests"][2]["ua"] = 1.3
    path = put(tmp_path, board_rows[2], node)
    code, out, error = mubench_("leaderboard", "--rows", tmp_path, "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert error == f"mubench: {path}: requests.2.ua: 1.3 is not a fraction in [0, 1]\n"
    assert not (tmp_path / "out").exists()


def test_good_rows_pass_and_what_is_not_there_is_named(board_rows, tmp_path, mubench_):
    put(tmp_path, board_rows[0])
    assert mubench_("leaderboard", "check", tmp_path)[:2] == (0, "1 row, 0 problems\n")
    code, _, error = mubench_("leaderboard", "check", tmp_path / "none")
    assert code == 2
    assert "no such file or folder" in error
    (tmp_path / "empty").mkdir()
    assert "no rows in it" in mubench_("leaderboard", "check", tmp_path / "empty")[2]


def test_contributed_rows_may_not_lie_where_a_build_clears_away(tmp_path, mubench_, board_rows):
    folder = tmp_path / "out" / "rows"
    folder.mkdir(parents=True)
    put(folder, board_rows[0])
    code, _, error = mubench_("leaderboard", "--rows", folder, "--out", tmp_path / "out")
    assert code == 2
    assert "keep contributed rows in a folder of their own" in error


def test_a_store_that_is_not_there_is_named(tmp_path, mubench_):
    code, _, error = mubench_("leaderboard", "--store", tmp_path / "none", "--out", tmp_path / "o")
    assert code == 2
    assert "no such store" in error
    assert not (tmp_path / "o").exists()
