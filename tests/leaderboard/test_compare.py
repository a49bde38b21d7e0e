"""A row of one's own beside the board's."""

import numpy as np
import pytest
from scipy import stats

from mubench.errors import InputError
from mubench.leaderboard.board import make_board
from mubench.leaderboard.compare import compare_with_board, load_own_rows
from mubench.leaderboard.compare_text import verdict_text
from mubench.leaderboard.row import to_json
from mubench.leaderboard.site import site_files
from mubench.leaderboard.write_site import write_site
from mubench.report.analysis.significance import tuned_p
from mubench.store.store import Store
from tests.support.board import find, longer, moved, put, put_report, save, source
from tests.support.report_world import CELLS


@pytest.mark.parametrize(
    ("by", "requests", "wanted"),
    [
        (-0.01, 6, "closer to Retrain, p = 0.031"),
        (0.01, 6, "farther from Retrain, p = 0.031"),
        (-0.01, 5, "too few requests: 6 pairs are needed"),
    ],
)
def test_a_row_is_compared_with_its_like_on_the_board(board_rows, by, requests, wanted):
    theirs = longer(board_rows, 6)
    label = "ugradsl_plus"  # the best tuned row
    mine = moved(find(theirs, CELLS[0], label, "tuned"), by, requests)
    (cell,) = compare_with_board([mine], theirs).cells
    (held,) = cell.comparisons
    assert held.is_best
    assert verdict_text(held) == wanted
    n = requests
    differences = [by * (1 + 0.01 * k) for k in range(n)]
    assert held.paired is not None
    assert held.paired.difference.n == n
    assert held.paired.difference.mean == pytest.approx(np.mean(differences))
    theirs_interval = stats.bootstrap(
        (differences,), np.mean, n_resamples=20000, rng=np.random.default_rng(0)
    ).confidence_interval
    assert held.paired.interval == pytest.approx(tuple(theirs_interval), abs=5e-5)
    assert [row.row.row for is_mine, row in cell.rows if is_mine] == [label]
    gaps = [row.estimates["gap"].mean for _, row in cell.rows]
    assert gaps == sorted(gaps)


def test_a_row_is_compared_with_the_boards_best_and_with_its_own_name(board_rows):
    mine = moved(find(board_rows, CELLS[0], "iu", "tuned"), 0.02)
    (cell,) = compare_with_board([mine], board_rows).cells
    assert [(held.other.row.row, held.is_best) for held in cell.comparisons] == [
        ("ugradsl_plus", True),
        ("iu", False),
    ]
    wanted = np.mean([0.08 * (1 + 0.1 * k) + 0.02 * (1 + 0.01 * k) for k in range(3)])
    best = np.mean([0.02 * (1 + 0.1 * k) for k in range(3)])
    assert cell.comparisons[0].paired.difference.mean == pytest.approx(wanted - best)


def test_a_row_that_is_on_the_board_is_not_compared_with_itself(board_rows):
    (cell, _) = compare_with_board(board_rows, board_rows).cells
    others = {(held.own.row.row, held.other.row.row) for held in cell.comparisons}
    assert ("ugradsl_plus", "ugradsl_plus") not in others
    assert ("ft", "ugradsl_plus") in others
    assert not any(mine == other for mine, other in others)


def test_a_cell_that_the_board_lacks_is_named(board_rows, tmp_path, mubench_):
    board = [row for row in board_rows if row.cell == CELLS[0]]
    write_site(site_files(make_board(board)), tmp_path / "board")
    put_report(tmp_path / "report", source())
    code, out, error = mubench_("compare", tmp_path / "report", tmp_path / "board")
    assert (code, error) == (0, "")
    assert f"{CELLS[1]}: not on the board" in out
    assert "own" in out


def test_mine_is_a_report_a_row_a_folder_or_a_sweep(board_rows, tmp_path):
    made = source()
    store = str(tmp_path / "store")
    save(Store(store), made)
    put_report(tmp_path / "report", made)
    (tmp_path / "rows").mkdir()
    files = [put(tmp_path / "rows", row) for row in board_rows]
    assert load_own_rows("toy", store) == board_rows
    assert load_own_rows(str(tmp_path / "report"), store) == board_rows
    assert set(map(to_json, load_own_rows(str(tmp_path / "rows"), store))) == set(
        map(to_json, board_rows)
    )
    assert load_own_rows(str(files[0]), store) == (board_rows[0],)
    with pytest.raises(InputError, match="no sweep 'other' was run here"):
        load_own_rows("other", store)
    with pytest.raises(InputError, match="no such file or folder, and no store"):
        load_own_rows("other", str(tmp_path / "none"))


def test_rows_on_a_board_are_compared_with_the_luck_of_both(board_rows):
    """Six requests decide it; a luck of 0.03 and 0.04 takes the verdict."""

    def lucky(row, luck):
        tuning = row.tuning.model_copy(update={"luck": luck})
        return row.model_copy(update={"tuning": tuning})

    theirs = longer(board_rows, 6)
    best = find(theirs, CELLS[0], "ugradsl_plus", "tuned")
    mine = lucky(moved(best, -0.01, 6), 0.03)
    others = [lucky(row, 0.04) if row.key == best.key else row for row in theirs]
    (cell,) = compare_with_board([mine], others).cells
    (held,) = cell.comparisons
    assert held.paired.luck == pytest.approx(0.05)
    assert held.paired.p_value == tuned_p(held.paired.differences, 0.05)
    assert held.paired.verdict == "no significant difference"
