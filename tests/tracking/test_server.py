"""A real MLflow server on a real PostgreSQL: a sweep of a hundred runs, and a server in trouble."""

import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from mubench.tracking.attempts import Attempts
from mubench.tracking.sync import Synced
from tests.support.postgres import MlflowServer, missing, postgres
from tests.support.tracked_world import World, seeds, shown, small_plan

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow"),
    pytest.mark.skipif(missing() is not None, reason=f"no PostgreSQL here: {missing()}"),
]
RUNS = 105
TABLES = ("runs", "metrics", "latest_metrics", "params", "tags", "experiment_tags")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with postgres() as database:
        server = MlflowServer(database, tmp_path_factory.mktemp("artifacts"))
        server.start()
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture
def database(server: MlflowServer) -> Iterator[Engine]:
    """The database behind the server; what a test sent makes room for the next test."""
    from mlflow import MlflowClient

    engine = create_engine(server.database)
    yield engine
    engine.dispose()
    client = MlflowClient(tracking_uri=server.uri)
    sent = client.get_experiment_by_name("mubench/quickstart")
    client.rename_experiment(sent.experiment_id, f"earlier {sent.experiment_id}")


@pytest.fixture
def large(world: World, server: MlflowServer, database: Engine) -> World:
    """A sweep of a hundred runs, all recorded, on its way to the server."""
    world.plan = small_plan(seeds(14))
    world.uri = server.uri
    world.record()
    return world


@pytest.fixture
def wanted(large: World) -> dict[str, object]:
    """What SQLite shows of the same sweep: there nobody was in trouble."""
    other = World(Path(large.store.uri).with_name("other"), large.database)
    other.plan = large.plan
    other.record()
    other.sync()
    return _shown(other)


def test_the_server_has_what_the_records_say_and_a_second_call_changes_nothing(
    large: World, database: Engine
):
    done = large.sync()
    assert (done.runs, done.created, done.completed) == (RUNS, RUNS, 0)
    runs = large.runs()
    assert len(runs) == RUNS
    by_record = {run.data.tags.get("mubench.record"): run for run in runs.values()}
    records = large.store.records.read(large.plan.steps)
    for record in records.values():
        if record.kind == "search":
            assert record.id not in by_record
            continue
        run = by_record.pop(record.id)
        finite = {k: v for k, v in record.metrics.items() if math.isfinite(v)}
        assert run.data.metrics == {**finite, "seconds": 1.5}
        assert (
            record.params.items()
            <= {k: float(v) for k, v in run.data.params.items() if k in record.params}.items()
        )
        assert run.data.params["dataset"] == record.dataset
        assert (run.data.tags["cell"], run.data.tags["kind"]) == (record.cell, record.kind)
        assert run.info.status == "FINISHED"
        assert run.info.end_time - run.info.start_time == 1500
    before = _content(database)
    again = large.sync()
    assert (again.runs, again.created, again.completed) == (RUNS, 0, 0)
    assert _content(database) == before


def test_a_server_that_is_killed_and_comes_back_loses_and_doubles_nothing(
    large: World, wanted: dict[str, object], server: MlflowServer, database: Engine
):
    with _Syncing(large) as syncing:
        _wait_until(lambda: _count(database) > 30)
        server.kill()
        assert _count(database) < RUNS
        time.sleep(2)
        server.start()
    assert syncing.done.runs == RUNS
    assert _shown(large) == wanted
    before = _content(database)
    assert large.sync().completed == 0
    assert _content(database) == before


def test_a_locked_table_is_waited_for(large: World, wanted: dict[str, object], database: Engine):
    """For longer than the eight seconds after which a request used to be given up."""
    with _Syncing(large, patience=0.0) as syncing:
        _wait_until(lambda: _count(database) > 30)
        with database.begin() as locking:
            locking.execute(text("LOCK TABLE tags IN ACCESS EXCLUSIVE MODE"))
            time.sleep(15)
    assert syncing.done.created == RUNS
    assert _shown(large) == wanted


def test_what_a_server_does_after_its_client_gave_up_is_found(
    large: World, wanted: dict[str, object], database: Engine, monkeypatch: pytest.MonkeyPatch
):
    """Then the sweep's own run is created several times; all but one are deleted."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    with database.connect() as locking:
        locking.execute(text("LOCK TABLE runs IN EXCLUSIVE MODE"))  # it may be read
        with _Syncing(large) as syncing:
            time.sleep(12)
            locking.rollback()
    assert _count(database, "deleted") > 0
    assert syncing.done.runs == RUNS
    assert _shown(large) == wanted


class _Syncing:
    """A sync in a thread, which the test disturbs meanwhile; at the end it has succeeded."""

    done: Synced

    def __init__(self, world: World, patience: float = 120.0) -> None:
        self._world = world
        self._attempts = Attempts(patience)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "_Syncing":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _run(self) -> None:
        self.done = self._world.sync(attempts=self._attempts)


def _shown(world: World) -> dict[str, object]:
    """All runs; the links in the sweep's note have the number of the experiment, a server's own."""
    runs = shown(world)
    *rest, tags = runs["quickstart"]
    numbered = re.sub(r"experiments/\d+/", "experiments/N/", tags.pop("mlflow.note.content"))
    return {**runs, "quickstart": (*rest, tags, numbered)}


def _count(database: Engine, stage: str = "active") -> int:
    """How many runs of the sweep there are."""
    query = text(
        "SELECT count(*) FROM runs JOIN experiments USING (experiment_id) "
        "WHERE experiments.name = 'mubench/quickstart' AND runs.lifecycle_stage = :stage"
    )
    with database.connect() as reading:
        return int(reading.execute(query, {"stage": stage}).scalar_one())


def _content(database: Engine) -> dict[str, list[str]]:
    """All that the database holds."""
    with database.connect() as reading:
        return {
            table: sorted(
                str(tuple(row)) for row in reading.execute(text(f"SELECT * FROM {table}"))
            )
            for table in TABLES
        }


def _wait_until(is_true: Callable[[], bool], seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.02)
