"""Connections to MLflow: addresses, time limits, no log output, errors in one line."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from mubench.errors import TrackingBusy, TrackingError
from mubench.store.bucket import is_bucket
from mubench.store.files import local_folder

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
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500


def default_uri(store_uri: str) -> str:
    """Return SQLite in the store's folder, or in `.mubench` here where the store is not local.

    Raises:
        TrackingError: the path of the folder cannot be said in an address.
    """
    folder = Path(".mubench") if is_bucket(store_uri) else local_folder(store_uri)
    return sqlite_uri(folder.absolute() / "mlflow.db")


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
def connect(uri: str) -> Iterator[Any]:
    """Yield an `MlflowClient`; restore the environment and the loggers at the end.

    MLflow settings in the user's environment are kept.

    Raises:
        TrackingError: the server refuses; uri and reason in one line.
        TrackingBusy: the server does not answer in time, or cannot now.
    """
    with _settings(), _silence():
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        where = without_password(uri)
        try:
            _make_folder(uri)
            yield MlflowClient(tracking_uri=uri)
        except ModuleNotFoundError as error:
            advice = "install the driver of this database (PostgreSQL: psycopg2-binary)"
            raise TrackingError(f"{where}: {error}; {advice}") from error
        except (MlflowException, SQLAlchemyError, OSError) as error:
            kind = TrackingBusy if _may_pass(error) else TrackingError
            raise kind(f"{where}: {_reason(error)}") from error


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


def without_password(uri: str) -> str:
    """Return an address that may be shown.

    >>> without_password("postgresql://me:secret@host:5432/mlflow")
    'postgresql://me:***@host:5432/mlflow'
    """
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))


def _is_sqlite(uri: str) -> bool:
    return urlsplit(uri).scheme.partition("+")[0] == "sqlite"


def _sqlite_path(uri: str) -> Path | None:
    """The file of an SQLite address."""
    from sqlalchemy import make_url

    database = make_url(uri).database if _is_sqlite(uri) else None
    return Path(database).absolute() if database else None


def _make_folder(uri: str) -> None:
    """Make the folder of an SQLite file: MLflow would try for minutes to open the file."""
    path = _sqlite_path(uri)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)


@contextmanager
def _settings() -> Iterator[None]:
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
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return " ".join(str(error).split())[:200] or type(error).__name__
