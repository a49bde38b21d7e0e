"""The ranking against loops, scipy, and all resamples."""

import itertools
import json

import numpy as np
import pytest
from scipy import stats

from mubench.leaderboard.board import make_board
from mubench.leaderboard.ranking import rank
from mubench.leaderboard.row import BoardRow
from tests.support.board import find, longer, node_of
from tests.support.report_world import CELLS, ERRORS, ROWS


def gap_of(label, selection, k):
    """The gap of request k, as the made-up sweep defines it."""
    error = 0.22 if label == "original" else ERRORS[ROWS.index(label)]
    return error * (2 if selection == "default" else 1) * (1 + 0.1 * k)


def ranked_by_hand(rows):
    """Average rank and mean gap of each row over both cells, one number at a time."""
    keys = sorted({(row.row, row.selection) for row in rows if row.row != "retrain"})
    means = []
    for cell in CELLS:
        column = []
        for key in keys:
            gaps = [gap_of(*key, k) for k in range(3)]
            if (cell, *key) == (CELLS[0], "iu", "default"):
                gaps[2] = gap_of("original", "", 2)  # refused: as if nothing was done
            column.append(sum(gaps) / 3)
        means.append(column)
    ranks = [stats.rankdata(np.round(column, 12)) for column in means]
    return {
        key: (np.mean([r[k] for r in ranks]), np.mean([m[k] for m in means]))
        for k, key in enumerate(keys)
    }


def test_the_ranking_is_that_of_a_plain_loop(board_rows):
    ranking = rank(make_board(board_rows))
    by_hand = ranked_by_hand(board_rows)
    assert {row.key for row in ranking.rows} == by_hand.keys()
    for row in ranking.rows:
        assert (row.rank.value, row.gap.value) == pytest.approx(by_hand[row.key])
    assert [row.key for row in ranking.rows][:2] == [("ugradsl_plus", "tuned"), ("ft", "tuned")]
    assert ranking.cells == tuple(sorted(CELLS))
    assert ranking.requests == 6
    imputed = {row.key: row.imputed for row in ranking.rows if row.imputed}
    assert imputed == {("iu", "default"): 1}


def noisy(rows):
    """Rows whose gaps vary, so that a resample matters."""
    rng = np.random.default_rng(3)
    made = []
    for row in rows:
        node = node_of(row)
        for k, held in enumerate(node["requests"] if row.row != "retrain" else ()):
            held["gap"] += rng.uniform(-0.01, 0.01)
            if (row.row, row.selection) == ("ft", "tuned"):  # now better than the best, now worse
                held["gap"] = (0.005, 0.03, 0.04)[k % 3]
            held |= {term: value - held["gap"] for term, value in held["retrain"].items()}
        made.append(BoardRow.model_validate(node))
    return made


def test_intervals_are_percentiles_of_all_resamples(board_rows):
    """Three requests a cell have 27 equally likely resamples, two cells 729 pairs of them."""
    made = noisy(board_rows)
    keys = sorted({(row.row, row.selection) for row in made if row.row != "retrain"})
    gaps = {row.key: {held.name: held.gap for held in row.requests} for row in made}
    imputed = f"{CELLS[0]}/2"
    gaps[CELLS[0], "iu", "default"][imputed] = gaps[CELLS[0], "original", ""][imputed]
    resamples = np.array(list(itertools.product(range(3), repeat=3)))
    means, ranks = [], []  # of each cell: resamples x rows
    for cell in CELLS:
        values = np.array([[gaps[cell, *key][f"{cell}/{k}"] for k in range(3)] for key in keys])
        means.append(values[:, resamples].mean(axis=2).T)
        ranks.append(stats.rankdata(means[-1], axis=1))
    gap, place = ((a[:, None] + b).reshape(-1, len(keys)) / 2 for a, b in (means, ranks))
    ranking = rank(make_board(made))
    first = keys.index(ranking.rows[0].key)
    for row in ranking.rows:
        k = keys.index(row.key)
        low, high = np.percentile(gap[:, k], [2.5, 97.5])
        assert (row.gap.low, row.gap.high) == pytest.approx((low, high), abs=0.05 * (high - low))
        wanted = np.percentile(place[:, k], [2.5, 97.5])
        assert (row.rank.low, row.rank.high) == pytest.approx(wanted, abs=0.26)
        low, high = np.percentile(gap[:, k] - gap[:, first], [2.5, 97.5])
        differs = "significant" if low > 0 or high < 0 else "not significant"
        assert row.to_first == ("first" if k == first else differs)
    assert {row.to_first for row in ranking.rows} == {"first", "significant", "not significant"}


def test_intervals_agree_with_those_of_scipy(board_rows):
    """Means of two cells with eight requests each; scipy resamples on its own."""
    made = noisy(longer(board_rows, 8))
    ranking = rank(make_board(made))
    row = next(held for held in ranking.rows if held.key == ("ft", "tuned"))
    samples = tuple(
        np.array([held.gap for held in find(made, cell, "ft", "tuned").requests]) for cell in CELLS
    )
    theirs = stats.bootstrap(
        samples,
        lambda a, b, axis=-1: (a.mean(axis=axis) + b.mean(axis=axis)) / 2,
        method="percentile",
        n_resamples=20000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert width > 0.002
    assert row.gap.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert row.gap.high == pytest.approx(theirs.high, abs=0.05 * width)


def test_luck_in_tuning_widens_intervals_of_its_row(board_rows):
    """Of two cells the luck is averaged: 0.02 in each is 0.02 / sqrt(2) of the mean gap."""
    key = ("ft", "tuned")
    lucky = []
    for row in board_rows:
        node = node_of(row)
        if (row.row, row.selection) == key:
            node["tuning"]["luck"] = 0.02
        lucky.append(BoardRow.model_validate(node))
    before, after = (
        {row.key: row for row in rank(make_board(rows)).rows} for rows in (board_rows, lucky)
    )
    wide = after[key].gap.high - after[key].gap.low
    narrow = before[key].gap.high - before[key].gap.low
    assert wide == pytest.approx(np.hypot(narrow, 2 * 1.96 * 0.02 / 2**0.5), rel=0.05)
    assert after["iu", "tuned"].gap == before["iu", "tuned"].gap


def test_a_missing_cell_counts_as_doing_nothing_and_ties_with_it(board_rows):
    third = "digits/small_cnn/random-0.5"
    extra = []
    for row in board_rows:
        if row.cell == CELLS[1] and row.row not in ("ft", "ga"):
            text = json.dumps(node_of(row)).replace(CELLS[1], third)
            node = json.loads(text) | {"scenario": "random-0.5"}
            extra.append(BoardRow.model_validate(node))
    ranking = rank(make_board([*board_rows, *extra]))
    held = next(row for row in ranking.rows if row.key == ("ft", "tuned"))
    assert (held.cells, held.imputed) == (2, 3)
    nothing = np.mean([gap_of("original", "", k) for k in range(3)])
    own = np.mean([gap_of("ft", "tuned", k) for k in range(3)])
    assert held.gap.value == pytest.approx((2 * own + nothing) / 3)
    assert ranking.requests == 9


def test_a_ranking_needs_two_cells_and_says_who_is_left_out(board_rows):
    one_cell = [row for row in board_rows if row.cell == CELLS[0]]
    ranking = rank(make_board(one_cell))
    assert ranking.rows == ()
    assert len(ranking.left_out) == 15
    some = [row for row in board_rows if row.key != (CELLS[1], "ft", "tuned")]
    assert rank(make_board(some)).left_out == (("ft", "tuned"),)


def test_a_cell_without_an_original_is_not_ranked(board_rows):
    kept = [row for row in board_rows if row.key != (CELLS[1], "original", "")]
    assert rank(make_board(kept)).rows == ()
