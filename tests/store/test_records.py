"""Records: appended, merged, and nothing that was finished is lost."""

import os
import subprocess
import sys

import pytest

from mubench.errors import IntegrityError, StoreError
from mubench.store import records as records_module
from mubench.store import table as table_module
from mubench.store.files import Files
from mubench.store.record import SCHEMA
from mubench.store.records import Records
from mubench.store.store import Store
from mubench.store.table import records_to_table
from tests.support.stored_records import damaged, record


@pytest.fixture
def records(files):
    return Records(files)


def test_what_is_appended_is_read(records):
    records.append(record("1"))
    records.append(record("2"))
    assert records.read() == {"1": record("1"), "2": record("2")}
    assert records.read(["2", "3"]) == {"2": record("2")}
    assert records.read([]) == {}


def test_records_of_one_call_are_one_file(records, files):
    records.append(record("1"), record("2"))
    records.append(record("3"))
    assert len(files.list("records")) == 2
    assert set(records.read()) == set("123")
    records.append(record("2", message="new", created="2026-01-02T00:00:00.000+00:00"))
    records.compact()
    assert len(files.list("records")) == 1
    assert records.read()["2"].message == "new"


def test_an_empty_store_has_no_records(records):
    assert records.read() == {}
    records.compact()
    records.discard(frozenset({"1"}))
    assert records.read() == {}


def test_a_record_that_is_written_again_replaces_the_older_one(records):
    records.append(record("1", status="error"))
    records.append(record("1", created="2026-01-02T00:00:00.000+00:00"))
    assert records.read()["1"].status == "ok"


@pytest.mark.parametrize("newer_is_compacted", [True, False])
def test_the_newer_of_two_records_counts_wherever_it_lies(records, files, newer_is_compacted):
    new = record("1", message="new", created="2026-01-02T00:00:00.000+00:00")
    old = record("1", message="old")
    records.append(new if newer_is_compacted else old)
    records.compact()
    records.append(old if newer_is_compacted else new)
    assert records.read() == {"1": new}
    records.compact()
    assert records.read() == {"1": new}


def test_compaction_leaves_one_file_and_the_same_records(records, files):
    for key in "abc":
        records.append(record(key, metrics={key: 1.0}))
    before = records.read()
    records.compact()
    assert records.read() == before
    assert len(files.list("records")) == 1
    records.append(record("d"))
    records.compact()
    assert len(files.list("records")) == 1
    assert set(records.read()) == set("abcd")


def test_what_one_process_left_unmerged_the_next_one_merges(records, files):
    for key in "abc":
        records.append(record(key))
    Records(files).compact()
    assert len(files.list("records")) == 1
    assert set(records.read()) == set("abc")


def test_a_store_of_an_older_mubench_is_read_and_merged(records, files):
    rows = [record("a"), record("b", message="old")]
    files.write("records/compact.parquet", records_module._bytes(records_to_table(rows)))
    records.append(record("b", message="new", created="2026-01-02T00:00:00.000+00:00"))
    assert {key: one.message for key, one in records.read().items()} == {"a": "", "b": "new"}
    records.compact()
    assert not files.exists("records/compact.parquet")
    assert {key: one.message for key, one in records.read().items()} == {"a": "", "b": "new"}


def test_parts_are_merged_now_and_then(records, files, monkeypatch):
    monkeypatch.setattr(records_module, "COMPACT_EVERY", 3)
    for key in "abcde":
        records.append(record(key))
    assert len(files.list("records")) == 1 + 2
    assert set(records.read()) == set("abcde")


@pytest.mark.parametrize("operation", ["compact", "discard"])
def test_a_crash_between_merging_and_deleting_loses_and_doubles_nothing(
    records, files, monkeypatch, operation
):
    for key in "ab":
        records.append(record(key))

    def die(*names):
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(files, "delete", die)
        with pytest.raises(KeyboardInterrupt):
            records.compact() if operation == "compact" else records.discard(frozenset("z"))
    assert len(files.list("records")) == 3
    for reader in (records, Records(files)):
        assert reader.read() == {"a": record("a"), "b": record("b")}
    Records(files).compact()
    assert len(files.list("records")) == 1
    assert records_to_table(records.read().values()).num_rows == 2


@pytest.mark.parametrize("has_read", [False, True])
def test_a_reader_misses_nothing_while_a_writer_merges(records, files, monkeypatch, has_read):
    """The files are listed, then a writer merges and deletes them, then they are read."""
    records.append(record("a"))
    records.append(record("b"))
    reader, real = Records(files), Files.versions
    if has_read:
        reader.read()
        records.append(record("c"))

    def list_then_lose(self, folder):
        names = real(self, folder)
        monkeypatch.setattr(Files, "versions", real)
        records.compact()
        return names

    monkeypatch.setattr(Files, "versions", list_then_lose)
    assert set(reader.read()) == ({"a", "b", "c"} if has_read else {"a", "b"})


def test_records_that_another_process_deleted_are_gone(records, files):
    for key in "abc":
        records.append(record(key))
    reader = Records(files)
    assert set(reader.read()) == set("abc")
    records.discard(frozenset("b"))
    assert set(reader.read()) == set("ac")


def test_two_writers_that_merge_at_once_lose_nothing(files):
    """The lock keeps a second writer off; should it fail, the records are still there."""
    one, other = Records(files), Records(files)
    one.append(record("a"))
    one.append(record("b"))
    other._read_files()
    one.compact()
    one.append(record("c"))
    other.append(record("d"))
    other.append(record("e"))
    other.compact()
    assert set(Records(files).read()) == set("abcde")


def test_statuses_are_those_of_the_newest_records(records):
    assert records.statuses() == {}
    records.append(record("a", status="error"))
    records.append(record("b", status="timed_out"))
    records.compact()
    records.append(record("b", status="ok", created="2026-01-02T00:00:00.000+00:00"))
    assert records.statuses() == {"a": "error", "b": "ok"}


def test_nothing_is_written_by_who_has_lost_the_store(files):
    def lost():
        raise StoreError("lost")

    records = Records(files, lost)
    for write in (
        lambda: records.append(record("a")),
        records.compact,
        lambda: records.discard(frozenset("a")),
    ):
        with pytest.raises(StoreError, match="lost"):
            write()
    assert files.list("") == []


def test_discarded_records_are_gone_and_the_others_stay(records):
    records.append(record("a"))
    records.compact()
    records.append(record("b"))
    records.append(record("c"))
    records.discard(frozenset({"a", "b", "nobody"}))
    assert set(records.read()) == {"c"}
    records.append(record("a"))
    assert set(records.read()) == {"a", "c"}


def lacking(files, row, *names):
    """Write a part as an older mubench would have: without some columns."""
    table = records_to_table([row]).drop_columns(list(names))
    files.write(f"records/part-{row.id}.parquet", records_module._bytes(table))


@pytest.mark.parametrize("beside_new", [False, True])
def test_columns_that_an_older_schema_lacks_take_their_default(records, files, beside_new):
    gone = ("flags", "given", "free_dimensions", "traceback", "versions", "schema")
    lacking(files, record("old", flags=("x",), given={"a": 1}, free_dimensions=3), *gone)
    if beside_new:
        records.append(record("new", flags=("x",), given={"a": 1}, free_dimensions=3))
    found = records.read()
    assert found["old"] == record("old")
    if beside_new:
        assert found["new"].free_dimensions == 3


def test_records_of_a_newer_schema_are_refused_in_one_line(records, files, monkeypatch):
    records.append(record("1", schema=SCHEMA + 1))
    with pytest.raises(StoreError) as caught:
        records.read()
    assert str(caught.value) == (
        f"records of schema {SCHEMA + 1}; this mubench reads {SCHEMA}; update it"
    )
    monkeypatch.setattr(table_module, "SCHEMA", SCHEMA + 1)
    assert records.read()["1"].schema == SCHEMA + 1


@pytest.mark.parametrize("how", ["truncated", "empty", "no parquet", "footer"])
def test_a_corrupt_part_is_one_clear_line(records, files, how):
    records.append(record("1"))
    records.append(record("2"))
    name = "records/part-1.parquet"
    files.write(name, damaged(files.read(name), how))
    with pytest.raises(IntegrityError) as caught:
        records.read()
    assert str(caught.value).startswith(f"{files.path(name)}: damaged: ")
    assert "set it aside with 'mubench store repair'" in str(caught.value)
    assert records.problems().keys() == {name}
    files.delete(name)
    assert set(records.read()) == {"2"}


def test_a_process_that_is_killed_while_writing_leaves_a_readable_store(tmp_path):
    """SIGKILL before the rename: a stray temporary file, which nobody takes for a record."""
    code = (
        "import os, signal, sys; from pathlib import Path; from mubench.store.store import Store\n"
        f"from {record.__module__} import record\n"
        "store = Store(sys.argv[1]); store.records.append(record('1'))\n"
        "Path.replace = lambda self, target: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.records.append(record('2'))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True
    )
    assert done.returncode == -9, done.stderr.decode()
    assert [p.suffix for p in (tmp_path / "records").iterdir() if p.name.startswith(".")] == [
        ".tmp"
    ]
    store = Store(str(tmp_path))
    assert set(store.records.read()) == {"1"}
    store.records.append(record("2"))
    assert set(store.records.read()) == {"1", "2"}


@pytest.mark.slow
def test_a_process_that_is_killed_between_merging_and_deleting_loses_nothing(files):
    code = (
        "import os, signal, sys; from mubench.store.files import Files\n"
        "from mubench.store.store import Store\n"
        f"from {record.__module__} import record\n"
        "store = Store(sys.argv[1])\n"
        "for number in range(20): store.records.append(record(str(number)))\n"
        "Files.delete = lambda *names: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.records.compact()\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, files.uri], env=environment, capture_output=True
    )
    assert done.returncode == -9, done.stderr.decode()
    assert len(files.list("records")) == 20 + 1
    store = Store(files.uri)
    assert set(store.records.read()) == set(map(str, range(20)))
    store.records.compact()
    assert len(files.list("records")) == 1
    assert set(store.records.read()) == set(map(str, range(20)))
