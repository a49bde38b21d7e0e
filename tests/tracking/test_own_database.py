"""A database in the store that MLflow cannot use is kept, and another is made from the records."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mubench.errors import TrackingError
from mubench.tracking import tracker
from tests.support.tracked_world import World, shown

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> World:
    world = World(tmp_path_factory.mktemp("original") / "store", empty_database)
    world.record()
    world.store.save_sweep("quickstart", {}, world.plan.steps)
    world.sync()
    return world


@pytest.fixture
def sent(original: World, tmp_path: Path) -> World:
    """A copy: MLflow keeps connections open, and this process has opened no database there."""
    folder = tmp_path / "store"
    shutil.copytree(original.store.uri, folder)
    return World(folder, original.database)


def other_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'f00d'")


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20_000])


def overwritten_inside(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    path.write_bytes(content)


def no_database(path: Path) -> None:
    path.write_bytes(b"something else\n" * 1000)


def of_another_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE notes (text)")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (other_version, "of another version of MLflow"),
        (cut_short, "damaged"),
        (overwritten_inside, "damaged"),
        (no_database, "damaged"),
        (of_another_program, "no database of MLflow"),
        (a_folder, "not a file"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_is_set_aside_and_the_records_make_another(
    original: World, sent: World, damage, reason: str
):
    damage(sent.database)
    left = sent.database.with_name("mlflow.db-journal")
    left.write_bytes(b"of the damaged one")
    damaged = None if sent.database.is_dir() else sent.database.read_bytes()
    with pytest.raises(TrackingError, match=reason):
        sent.sync(running=True)
    done = sent.sync()
    assert done.created == done.runs == len(original.runs())
    assert [note.partition(" is ")[2] for note in done.notes] == [
        f"{reason}: it is kept as mlflow.db.aside-1, and made anew from the records; "
        "'mubench mlflow sync' sends other sweeps of this store"
    ]
    assert shown(sent).keys() == shown(original).keys()
    aside = sent.database.with_name("mlflow.db.aside-1")
    assert aside.is_dir() if damaged is None else aside.read_bytes() == damaged
    assert not left.exists()
    assert sent.sync().notes == ()


def test_what_was_set_aside_earlier_stays_and_every_sweep_is_sent_again(sent: World):
    sent.store.save_sweep_file("another", tracker.SENT, b"{}")
    earlier = sent.database.with_name("mlflow.db.aside-1")
    earlier.write_bytes(b"earlier")
    no_database(sent.database)
    [note] = sent.sync().notes
    assert "mlflow.db.aside-2," in note
    assert earlier.read_bytes() == b"earlier"
    assert not sent.store.files.list("sweeps", tracker.SENT)


def test_a_database_that_a_user_named_is_left_as_it_is(sent: World, tmp_path: Path):
    named = tmp_path / "named.db"
    sent.uri = f"sqlite:///{named}"
    for damage, reason in [
        (other_version, "Detected out-of-date database schema"),
        (no_database, "file is not a database"),
    ]:
        shutil.copy(sent.database, named)
        damage(named)
        content = named.read_bytes()
        with pytest.raises(TrackingError, match=f"{sent.uri}: {reason}") as caught:
            sent.sync()
        assert type(caught.value) is TrackingError  # a later attempt would not succeed
        assert "\n" not in str(caught.value)
        assert named.read_bytes() == content
        assert {path.name for path in tmp_path.iterdir()} == {"store", "named.db"}


def test_a_database_that_is_missing_has_nothing(sent: World, monkeypatch: pytest.MonkeyPatch):
    """The note that all was sent says nothing about a file that is gone."""
    monkeypatch.setattr(tracker, "_was_sent", lambda *_: True)
    given = (sent.plan, sent.store, sent.outline, None)
    with tracker.tracked(*given, enabled=True) as tracking:
        assert tracking._writer is None
    sent.database.unlink()
    with tracker.tracked(*given, enabled=True) as tracking:
        assert tracking._writer is not None
