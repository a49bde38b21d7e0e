"""A board from stores, report folders, rows and a tracking server."""

import pytest

from mubench.leaderboard.build import RowSources, build_board, collect_rows
from mubench.store.store import Store
from tests.support.board import put_report, save, source


def test_a_store_and_a_reports_folder_and_their_rows_give_one_board(tmp_path, mubench_):
    made = source(1)
    save(Store(str(tmp_path / "store")), made)
    put_report(tmp_path / "report", made)
    code, out, error = mubench_(
        "leaderboard", "--store", tmp_path / "store", "--out", tmp_path / "a"
    )
    assert (code, error) == (0, "")
    assert f"leaderboard: {tmp_path}/a/index.html" in out
    build_board(RowSources(reports=[tmp_path / "report"]), tmp_path / "b")
    build_board(RowSources(rows=[tmp_path / "a"]), tmp_path / "c")
    names = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(names) > 40
    for name in names:
        contents = {(tmp_path / board / name).read_bytes() for board in "abc"}
        assert len(contents) == 1, name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")
def test_a_tracking_server_gives_the_rows_of_the_store(tmp_path):
    from mubench.tracking.artifacts import upload
    from mubench.tracking.client import connect
    from mubench.tracking.run_data import RunData
    from mubench.tracking.run_sync import RunSync
    from mubench.tracking.runs import ROOT

    made = source()
    save(Store(str(tmp_path / "store")), made)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with connect(uri) as client:
        for name in ("toy", "not sent yet"):
            runs = RunSync(client, uri, name)
            root = RunData(
                key=ROOT, parent="", name=name, status="RUNNING", start=1, end=2, tags={}
            )
            runs.upsert([root])
            if name == "toy":
                upload(client, runs, made, None)
        client.create_experiment("somebody else's")
    here = collect_rows(RowSources(stores=[str(tmp_path / "store")]))
    told = []
    assert collect_rows(RowSources(tracking=[uri]), told.append) == here
    assert told == [
        f"not on the board: {uri}: sweep 'not sent yet': its results were not sent yet",
    ]
    assert len(here) == 32


def test_rows_that_are_gone_and_sweeps_that_are_not_whole_are_told(tmp_path, mubench_):
    made = source(1)
    store = Store(str(tmp_path / "store"))
    save(store, made)
    board = ("leaderboard", "--store", store.uri, "--out", tmp_path / "a")
    assert mubench_(*board)[0] == 0
    names = {path.name for path in (tmp_path / "a" / "rows").iterdir()}
    store.save_sweep_file("other", "plan.json", b"the run died here")
    fewer = made.with_records(record for record in made.records if record.row != "iu")
    save(store, fewer)
    code, out, _ = mubench_(*board)
    assert code == 0
    left = {path.name for path in (tmp_path / "a" / "rows").iterdir()}
    assert len(names - left) == 4
    for name in names - left:
        assert f"no longer on the board: rows/{name}: no source has this row any more" in out
    assert f"not on the board: {store.uri}: sweep 'other': the plan of the sweep is not" in out


def test_a_damaged_sweep_does_not_vanish_from_the_board(tmp_path, mubench_):
    made = source(1)
    store = Store(str(tmp_path / "store"))
    save(store, made)
    store.save_sweep_file(made.name, "steps.json", b"[]")
    code, out, error = mubench_("leaderboard", "--store", store.uri, "--out", tmp_path / "a")
    assert (code, out) == (1, "")
    assert f"sweeps/{made.name}/steps.json: damaged" in error
