"""Connections to MLflow: addresses, time limits, no log output, errors in one line."""

import logging
import math
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import urlsplit

from mubench.errors import TrackingBusy, TrackingError
from mubench.run.loopback import bypass_proxies
from mubench.store.address import without_password
from mubench.store.bucket import is_bucket
from mubench.store.files import local_folder
from mubench.tracking.in_time import InTime
from mubench.tracking.own_folders import own_folders_alone

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
"""A request is not repeated: a run that is created twice is there twice. `Attempts` begin anew."""
_LOGGERS = ("mlflow", "alembic", "urllib3.connectionpool")
_WRITERS = 8
_OTHER_SCHEMA = "database schema"
"""In MLflow's refusal of a database of another version, which has no error code of its own."""
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


def default_uri(store_uri: str) -> str:
    """Return SQLite in the store's folder, or in `.mubench` here where the store is not local.

    Raises:
        TrackingError: the path of the folder cannot be said in an address.
    """
    return sqlite_uri(own_database(store_uri))


def own_database(store_uri: str) -> Path:
    """Return the file of MLflow's database that belongs to a store."""
    folder = Path(".mubench") if is_bucket(store_uri) else local_folder(store_uri)
    return folder.absolute() / "mlflow.db"


def sqlite_uri(path: Path) -> str:
    """Return the address of an SQLite file.

    >>> sqlite_uri(Path("/data/mlflow.db"))
    'sqlite:////data/mlflow.db'

    Raises:
        TrackingError: SQLAlchemy before 2.1 has no address for a path with `?`.
    """
    text = str(path)
    if not {"%", "?"} & {*text}:
        return f"sqlite:///{text}"
    from sqlalchemy import URL, make_url

    # With the name of the driver MLflow does not take the quoted path for that of a folder to make.
    uri = URL.create("sqlite+pysqlite", database=text).render_as_string()
    if make_url(uri).database != text:
        raise TrackingError(
            f"{text}: MLflow needs SQLAlchemy 2.1 for a path with '?'; install it, choose another "
            "--store, or run with --no-mlflow"
        )
    return uri


@contextmanager
def connect(uri: str, left: Callable[[], float] = lambda: math.inf) -> Iterator[Any]:
    """Yield an `MlflowClient`; restore the environment and the loggers at the end.

    MLflow settings in the user's environment are kept. That this machine is reached without a proxy
    stays for the rest of the process.

    Args:
        uri: MLflow's address.
        left: how many seconds are left for a server, asked before each call.

    Raises:
        TrackingError: the server refuses; uri and reason in one line.
        TrackingBusy: the server does not answer in time, or cannot now.
    """
    with _settings(), _silence():
        from alembic.util import CommandError
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        where = without_password(uri)
        try:
            with _own_folders(uri):
                yield _client(uri, left)
        except ModuleNotFoundError as error:
            advice = "install the driver of this database (PostgreSQL: psycopg2-binary)"
            raise TrackingError(f"{where}: {error}; {advice}") from error
        except (MlflowException, SQLAlchemyError, sqlite3.Error, CommandError, OSError) as error:
            kind = TrackingBusy if _may_pass(error) else TrackingError
            raise kind(f"{where}: {_reason(error)}") from error


def is_there(uri: str) -> bool:
    """Return whether there may be something at an address: an SQLite file can be missing."""
    path = _sqlite_path(uri)
    return path is None or path.exists()


def artifact_location(uri: str) -> str | None:
    """Return the folder of artifacts: beside an SQLite file; None where the server decides."""
    path = _sqlite_path(uri)
    return (path.parent / "mlartifacts").as_uri() if path else None


def writers(uri: str) -> int:
    """Return how many threads may write at once: SQLite has one writer."""
    return 1 if _is_sqlite(uri) else _WRITERS


def how_to_open(uri: str) -> str:
    """Return a server's address, or the command that serves a database.

    >>> how_to_open("http://mlflow:5000")
    'http://mlflow:5000'
    >>> how_to_open("sqlite:////data/mlflow.db")
    'mlflow ui --backend-store-uri sqlite:////data/mlflow.db'
    """
    shown = without_password(uri)
    is_served = urlsplit(uri).scheme in ("http", "https", "databricks", "")
    return shown if is_served else f"mlflow ui --backend-store-uri {quote(shown)}"


@contextmanager
def _own_folders(uri: str) -> Iterator[None]:
    """Where a server or a database says where files lie, keep to our own folder."""
    if urlsplit(uri).scheme in ("http", "https") or _sqlite_path(uri):
        with own_folders_alone(artifact_location(uri)):
            yield
    else:
        yield


def _is_sqlite(uri: str) -> bool:
    return urlsplit(uri).scheme.partition("+")[0] == "sqlite"


def _sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite address, where it is a plain one."""
    if not _is_sqlite(uri):
        return None
    if uri.startswith("sqlite:///") and not {"%", "?"} & {*uri}:  # as `sqlite_uri` writes it
        database: str | None = uri.removeprefix("sqlite:///")
    else:  # a third of a second to import, which a second run of a finished sweep saves
        from sqlalchemy import make_url

        database = make_url(uri).database
    is_plain = database and not database.startswith(("file:", ":memory:"))
    return Path(database).absolute() if database and is_plain else None


def _client(uri: str, left: Callable[[], float]) -> Any:
    from mlflow import MlflowClient

    path = _sqlite_path(uri)
    if path is None:
        return InTime(lambda: MlflowClient(tracking_uri=uri), left)
    # What keeps SQLite from opening a file: MLflow would try for minutes.
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("SELECT 1 FROM sqlite_master")
    return MlflowClient(tracking_uri=uri)


@contextmanager
def _settings() -> Iterator[None]:
    bypass_proxies()
    ours = {key: value for key, value in _SETTINGS.items() if key not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for key in ours:
            os.environ.pop(key, None)


@contextmanager
def _silence() -> Iterator[None]:
    import mlflow  # noqa: F401  (its import sets the loggers up)

    before = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in before:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed later: no connection, no answer in time, overload."""
    from mlflow.exceptions import MlflowException
    from requests import RequestException
    from sqlalchemy.exc import OperationalError

    refused: Any = error
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return cause.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    if _OTHER_SCHEMA in str(error):
        return False
    if isinstance(error, MlflowException):
        status = refused.get_http_status_code()
    elif isinstance(error, RequestException) and refused.response is not None:
        status = refused.response.status_code
    else:
        passing = (RequestException, OperationalError, ConnectionError, TimeoutError)
        return isinstance(error, passing)
    return bool(status >= _SERVER_ERROR or status == _TOO_MANY_REQUESTS)


def _reason(error: BaseException) -> str:
    """The innermost cause, in one line: the wrapping messages of MLflow are for developers."""
    error = _cause(error)
    return " ".join(str(error).split())[:200] or type(error).__name__


def _cause(error: BaseException) -> BaseException:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error
