"""The rows of a sweep's results, failures among them."""

from dataclasses import replace

import pytest

from mubench.errors import InputError
from mubench.leaderboard.board import make_board
from mubench.leaderboard.rows_from_results import rows_from_results
from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.luck import tuning_luck
from tests.support.board import find, source
from tests.support.evidence_world import with_closest_control
from tests.support.report_world import CELLS, ERRORS, RETRAIN, ROWS, world


def test_a_sweep_gives_a_row_for_each_line_of_its_tables(board_rows):
    keys = {
        (cell, *key)
        for cell in CELLS
        for key in [
            ("retrain", ""),
            ("original", ""),
            *((row, selection) for row in ROWS for selection in ("tuned", "default")),
        ]
    }
    assert {row.key for row in board_rows} == keys
    assert len(board_rows) == len(keys)


@pytest.mark.parametrize(("label", "error"), list(zip(ROWS, ERRORS, strict=True)))
def test_a_row_holds_each_request_with_its_own_retrain(board_rows, label, error):
    row = find(board_rows, CELLS[1], label, "tuned")
    assert [held.name for held in row.requests] == [f"{CELLS[1]}/{k}" for k in range(3)]
    for k, held in enumerate(row.requests):
        away = error * (1 + 0.1 * k)
        assert held.gap == away
        assert held.terms == {name: value - away for name, value in RETRAIN.items()}
        assert held.retrain.terms == RETRAIN
        assert held.rte_seconds == 10 * error + 0.1 * k
        assert (held.seed_train, held.seed_forget, held.n_forget) == (k, k, 120)
    assert row.tuning is not None
    assert (row.tuning.trials, row.tuning.candidate) == (4, 2)
    assert row.params["lr"] == 0.01
    assert row.origin.sweep == {"name": "toy", "methods": {"ft": {}}}
    assert [held.records for held in row.conditions] == [
        tuple(f"{CELLS[1]}:final:{label}:tuned:{k}" for k in range(3))
    ]


def test_what_went_wrong_is_in_the_row(board_rows):
    refused = find(board_rows, CELLS[0], "iu", "default")
    assert [held.name for held in refused.requests] == [f"{CELLS[0]}/0", f"{CELLS[0]}/1"]
    (failure,) = refused.failures
    assert (failure.name, failure.status) == (f"{CELLS[0]}/2", "refused")
    assert failure.message == "needs a retain set"
    diverged = find(board_rows, CELLS[0], "ga", "tuned")
    assert [held.status for held in diverged.requests] == ["ok", "diverged", "ok"]


def test_a_final_step_without_a_retrain_is_a_failure():
    made = source()
    kept = tuple(one for one in made.records if one.id != f"{CELLS[0]}:retrain:1:0")
    row = find(rows_from_results(replace(made, records=kept)), CELLS[0], "ft", "tuned")
    assert [held.name for held in row.requests] == [f"{CELLS[0]}/0", f"{CELLS[0]}/2"]
    assert [(held.name, held.status) for held in row.failures] == [(f"{CELLS[0]}/1", "no_retrain")]


def test_a_record_that_is_no_fraction_is_named():
    made = source()
    first = next(one for one in made.records if one.id == f"{CELLS[0]}:final:ft:tuned:0")
    wrong = replace(first, metrics={**first.metrics, "ua": 1.5})
    records = tuple(wrong if one is first else one for one in made.records)
    with pytest.raises(InputError, match=r"'toy'.*ft tuned: requests.0.ua: 1.5 is not a fraction"):
        rows_from_results(replace(made, records=records))


def test_the_budget_of_a_row_is_that_of_all_its_searches():
    """Twice four candidates: several searches are no way around a board's usual budget."""
    results = source()
    again = [
        replace(r, id=f"{r.id}:again", repeat=1)
        for r in results.records
        if r.kind == "search" and r.row == "ft"
    ]
    rows = rows_from_results(results.with_records([*results.records, *again]))
    budgets = {row: find(rows, CELLS[1], row, "tuned").tuning.trials for row in ("ft", "ga")}
    assert budgets == {"ft": 8, "ga": 4}


def test_a_tuned_row_carries_the_luck_of_its_searches():
    made = world()
    cells = {cell.name: cell for cell in aggregate(made)}
    rows = rows_from_results(replace(made, document=source().document))
    for row in rows:
        searched = cells[row.cell].searched.get(row.row, ())
        wanted = tuning_luck(searched, "gap") if row.selection == "tuned" else 0.0
        assert row.luck == pytest.approx(wanted)
    assert find(rows, CELLS[1], "ft", "tuned").luck > 0.01


def test_the_composite_is_in_rows_that_have_it_and_changes_no_other_row():
    held = world()
    plain = rows_from_results(held)
    scored = [
        replace(r, metrics={**r.metrics, "luma": 0.25})
        if r.row == "ft" and r.kind == "final"
        else r
        for r in held.records
    ]
    rows = rows_from_results(held.with_records(scored))
    for before, after in zip(plain, rows, strict=True):
        values = {request.luma for request in after.requests}
        assert values == ({0.25} if after.row == "ft" else {None})
        assert (before == after) is (after.row != "ft")
    with_luma = find(rows, CELLS[1], "ft", "tuned")
    (cell,) = make_board([with_luma]).cells
    assert cell.columns[-1] == "luma"
    assert cell.methods[0].estimates["luma"].mean == 0.25
    (cell,) = make_board([find(plain, CELLS[1], "ft", "tuned")]).cells
    assert "luma" not in cell.columns


def test_a_control_is_no_row_of_a_board():
    assert rows_from_results(with_closest_control(world())) == rows_from_results(world())
