"""Reaching MLflow: default address, silence, a dead server."""

import os
import pickle
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from packaging.version import Version
from sqlalchemy import URL, make_url

from mubench.errors import TrackingBusy, TrackingError
from mubench.run.loopback import bypass_proxies
from mubench.tracking.artifacts import read_source
from mubench.tracking.client import artifact_location, connect, default_uri, how_to_open, writers
from mubench.tracking.sync import sync
from tests.support.tracked_world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


def test_a_dead_server_gives_one_line_that_says_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.record()
    for name in [name for name in os.environ if name.startswith("MLFLOW_HTTP")]:
        monkeypatch.delenv(name)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}"
    bypass_proxies()  # for the rest of the process, as Ray needs it too
    before = dict(os.environ)
    with pytest.raises(TrackingError) as caught:
        sync(world.plan, world.store, world.outline, uri, None)
    address, _, advice = str(caught.value).partition("; ")
    assert re.fullmatch(rf"{re.escape(uri)}: \[Errno \d+\] Connection refused", address)
    assert advice == (
        "the records are safe in the store; run 'mubench mlflow sync' later, with the same sweep "
        "and --store"
    )
    assert dict(os.environ) == before


def test_the_default_address_is_in_the_store_or_below_mubench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert default_uri("runs") == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert default_uri(f"file://{tmp_path}/runs") == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert default_uri(f"file://{tmp_path}/a%20b") == f"sqlite:///{tmp_path}/a b/mlflow.db"
    assert default_uri("s3://bucket/runs") == f"sqlite:///{tmp_path}/.mubench/mlflow.db"


@pytest.mark.parametrize("name", ["a?b#c ü", "100% %41 q'\"&=@:+"])
def test_a_store_with_an_odd_name_has_its_database_and_files_inside(
    tmp_path: Path, empty_database: Path, name: str
):
    """MLflow is given an address, not a path: a part of it may be read as a query, say."""
    if "?" in name and Version(sqlalchemy.__version__) < Version("2.1"):
        pytest.skip("SQLAlchemy before 2.1 has no address for '?': refused, see the next test")
    world = World(tmp_path / name, empty_database)
    world.database.unlink()
    world.record()
    assert world.sync().created == 21
    assert world.sync().created == 0
    assert world.database.is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert read_source("quickstart", world.uri).records
    [_, _, *command, shown] = shlex.split(how_to_open(world.uri))
    assert (command, shown) == (["--backend-store-uri"], world.uri)


def test_an_address_that_sqlalchemy_cannot_say_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """SQLAlchemy 2.0 takes what is behind `?` for a query."""
    monkeypatch.setattr(URL, "render_as_string", lambda url: f"sqlite+pysqlite:///{url.database}")
    with pytest.raises(TrackingError, match=r"/a\?b/mlflow.db: MLflow needs SQLAlchemy 2.1"):
        default_uri("/a?b")


def test_importing_tracking_loads_no_mlflow_torch_or_ray():
    code = (
        "import sys, mubench.tracking.sync, mubench.tracking.background;"
        "import mubench.tracking.artifacts;"
        "print({'mlflow', 'torch', 'ray', 'optuna'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


@pytest.mark.slow
def test_mlflow_is_silent_even_when_it_lays_out_a_database(world: World, tmp_path: Path):
    world.record()
    world.database.unlink()
    plan = tmp_path / "plan"
    plan.write_bytes(pickle.dumps((world.plan, world.outline)))
    code = (
        "import pickle, sys; from mubench.tracking.sync import sync;"
        "from mubench.store.store import Store;"
        "plan, outline = pickle.load(open(sys.argv[1], 'rb'));"
        "sync(plan, Store(sys.argv[2]), outline, None, None)"
    )
    command = [sys.executable, "-c", code, str(plan), world.store.uri]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")


def test_what_may_pass_is_told_from_what_will_not(tmp_path: Path):
    """A busy server is tried again, a refusal is not."""
    from mlflow.exceptions import MlflowException, RestException
    from requests import ConnectionError as NoConnection
    from requests import HTTPError, Response
    from sqlalchemy.exc import OperationalError, ProgrammingError

    def answer(status: int) -> HTTPError:
        response = Response()
        response.status_code = status
        return HTTPError(response=response)

    def raised_for(error: Exception) -> type[Exception]:
        with pytest.raises(TrackingError) as caught, connect(f"sqlite:///{tmp_path}/mlflow.db"):
            raise error
        return caught.type

    passing = [
        MlflowException("no answer in time"),
        RestException({"error_code": "TEMPORARILY_UNAVAILABLE"}),
        RestException({"error_code": "REQUEST_LIMIT_EXCEEDED"}),
        NoConnection("refused"),
        answer(503),
        ConnectionResetError("reset"),
        OperationalError("select", {}, Exception("locked")),
    ]
    lasting = [
        RestException({"error_code": "PERMISSION_DENIED"}),
        RestException({"error_code": "RESOURCE_DOES_NOT_EXIST"}),
        answer(413),
        PermissionError("read-only"),
        ProgrammingError("select", {}, Exception("no such column")),
    ]
    assert {raised_for(error) for error in passing} == {TrackingBusy}
    assert {raised_for(error) for error in lasting} == {TrackingError}


def test_a_password_is_shown_nowhere_and_a_missing_driver_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.record()
    monkeypatch.setitem(sys.modules, "pg8000", None)
    uri = "postgresql+pg8000://me:secret@host/mlflow"
    with pytest.raises(TrackingError) as caught:
        sync(world.plan, world.store, world.outline, uri, None)
    assert str(caught.value).startswith("postgresql+pg8000://me:***@host/mlflow: ")
    assert "psycopg2-binary" in str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:///a.db",
        "sqlite:////data/a b.db",
        "sqlite:///:memory:",
        "sqlite:///",
        "sqlite://",
        "sqlite:///a%20b.db",
        "sqlite+pysqlite:////data/a.db?timeout=3",
        "sqlite:///file:a.db",
    ],
)
def test_the_file_of_an_address_is_the_one_that_sqlalchemy_opens(uri: str):
    database = make_url(uri).database
    is_file = database and not database.startswith((":memory:", "file:"))
    location = artifact_location(uri)
    assert location == (
        (Path(database).absolute().parent / "mlartifacts").as_uri() if is_file else None
    )


def test_a_server_has_several_writers_and_sqlite_one():
    assert writers("sqlite:///mlflow.db") == 1
    assert min(map(writers, ("http://mlflow:5000", "postgresql://host/mlflow"))) > 1
