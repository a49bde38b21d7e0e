"""MLflow's database in a store: a view of the records, made anew where MLflow cannot use it."""

import sqlite3
from contextlib import closing, suppress
from itertools import count
from pathlib import Path

from mubench.errors import TrackingError
from mubench.store.store import Store
from mubench.tracking.client import own_database

SENT = "mlflow.json"
"""A sweep's file that says what MLflow has; `tracker.Tracker` writes it."""
_WITH_IT = ("", "-journal", "-wal", "-shm")
"""What SQLite keeps beside a database belongs to that one: it would damage a new one."""


def make_usable(store: Store, *, running: bool) -> list[str]:
    """Rename the database of a store if MLflow cannot use it: the records make another.

    Args:
        store: the store.
        running: whether a sweep runs: then nobody would read the line, and nothing is renamed.

    Returns:
        Nothing, or a line for the user.

    Raises:
        TrackingError: MLflow cannot use it, and a sweep runs.
    """
    path = own_database(store.uri)
    reason = _fault(path)
    if not reason:
        return []
    if running:
        raise TrackingError(f"{path}: {reason}")
    aside = next(name for k in count(1) if not (name := Path(f"{path}.aside-{k}")).exists())
    for end in _WITH_IT:
        with suppress(FileNotFoundError):
            Path(f"{path}{end}").rename(f"{aside}{end}")
    store.files.delete(*store.files.list("sweeps", f"/{SENT}"))
    return [
        f"{path} is {reason}: it is kept as {aside.name}, and made anew from the records; "
        "'mubench mlflow sync' sends other sweeps of this store"
    ]


def _fault(path: Path) -> str:
    """Why MLflow cannot use a database; empty where it can, or where it can make one."""
    if not path.exists():
        return ""
    if not path.is_file():
        return "not a file"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as database:
            [found] = database.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                return "damaged"
            if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
                return ""
            versions = database.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.OperationalError as error:
        return "no database of MLflow" if "no such table" in str(error) else ""
    except sqlite3.DatabaseError:
        return "damaged"
    return "" if versions == [(_version(),)] else "of another version of MLflow"


def _version() -> str:
    """The version of a database that the installed MLflow reads and writes."""
    import mlflow
    from alembic.script import ScriptDirectory

    migrations = Path(mlflow.__file__).parent / "store" / "db_migrations"
    return str(ScriptDirectory(str(migrations)).get_current_head())
