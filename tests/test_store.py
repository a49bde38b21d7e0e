"""The store: whole or absent, read back equal, one writer, nothing that was finished is lost."""

import dataclasses
import errno
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from mubench.errors import IntegrityError, LeakError, StoreError
from mubench.store import lock as lock_module
from mubench.store import records as records_module
from mubench.store import table as table_module
from mubench.store.artefacts import Artefacts
from mubench.store.files import Files
from mubench.store.record import SCHEMA, Record
from mubench.store.records import Records
from mubench.store.store import Store
from mubench.store.table import (
    record_from_json,
    record_to_json,
    records_to_table,
    table_to_records,
)

TEXT = st.text(max_size=8)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    TEXT,
)
WHOLE = st.integers(-(2**63), 2**63 - 1)
RECORDS = st.builds(
    Record,
    id=st.text("0123456789abcdef", min_size=1, max_size=8),
    unlearn_id=TEXT,
    kind=st.sampled_from(["train", "retrain", "search", "final"]),
    status=st.sampled_from(["ok", "diverged", "refused", "out_of_memory", "timed_out", "error"]),
    message=TEXT,
    dataset=TEXT,
    model=TEXT,
    scenario=TEXT,
    cell=TEXT,
    request=TEXT,
    purpose=st.sampled_from(["search", "final", ""]),
    seed_train=WHOLE,
    seed_forget=WHOLE,
    forget_classes=st.lists(WHOLE, max_size=3).map(tuple),
    method=TEXT,
    row=TEXT,
    selection=st.sampled_from(["default", "tuned", ""]),
    params=st.dictionaries(TEXT, SCALARS, max_size=4),
    given=st.dictionaries(TEXT, SCALARS, max_size=4),
    candidate=WHOLE,
    metrics=st.dictionaries(TEXT, st.floats(allow_nan=False), max_size=4),
    flags=st.lists(TEXT, max_size=3).map(tuple),
    created=TEXT,
    seconds=st.floats(allow_nan=False),
    exclusive=st.booleans(),
    versions=st.dictionaries(TEXT, TEXT, max_size=3),
    traceback=TEXT,
)


def record(key, **values):
    return Record(
        **{
            "id": key,
            "unlearn_id": key,
            "kind": "final",
            "status": "ok",
            "dataset": "d",
            "model": "m",
            "scenario": "class",
            "cell": "d/m/class",
            "request": "r",
            "seed_train": 0,
            "created": "2026-01-01T00:00:00.000+00:00",
            **values,
        }
    )


@pytest.fixture
def files(tmp_path):
    return Files(str(tmp_path / "store"))


@pytest.fixture
def records(files):
    return Records(files)


@pytest.fixture
def artefacts(files):
    return Artefacts(files)


# --- records ---------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.lists(RECORDS, max_size=4))
def test_records_survive_a_table_and_parquet(rows):
    content = records_module._bytes(records_to_table(rows))
    table = pq.read_table(io.BytesIO(content))
    assert table_to_records(table) == tuple(rows)


@settings(max_examples=60)
@given(RECORDS)
def test_a_record_survives_the_way_from_a_worker(row):
    assert record_from_json(record_to_json(row)) == row


def test_nan_and_infinite_metrics_stay_what_they_are_and_absent_ones_absent():
    values = {"a": float("nan"), "b": float("inf"), "c": -0.0}
    rows = [record("1", metrics=values), record("2", metrics={"d": 1.0})]
    first, second = table_to_records(records_to_table(rows))
    assert np.isnan(first.metrics["a"])
    assert first.metrics["b"] == float("inf")
    assert set(first.metrics) == {"a", "b", "c"}
    assert second.metrics == {"d": 1.0}


def test_every_field_of_a_record_is_a_column_of_its_own():
    columns = set(records_to_table([record("1", metrics={"ua": 0.5})]).column_names)
    fields = {field.name for field in dataclasses.fields(Record)} - {"metrics"}
    assert columns == fields | {"metric_ua"}


def test_what_is_appended_is_read(records):
    records.append(record("1"))
    records.append(record("2"))
    assert records.read() == {"1": record("1"), "2": record("2")}
    assert records.read(["2", "3"]) == {"2": record("2")}
    assert records.read([]) == {}


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
    assert files.list("records") == [records_module.COMPACT]
    records.append(record("d"))
    records.compact()
    assert set(records.read()) == set("abcd")


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

    def die(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "delete", die)
    with pytest.raises(KeyboardInterrupt):
        records.compact() if operation == "compact" else records.discard(frozenset("z"))
    monkeypatch.undo()
    assert len(files.list("records")) == 3
    assert records.read() == {"a": record("a"), "b": record("b")}
    records.compact()
    assert records_to_table(records.read().values()).num_rows == 2


def test_a_reader_misses_nothing_while_a_writer_merges(records, files, monkeypatch):
    """The parts are listed, then a writer merges and deletes them, then they are read."""
    for key in "ab":
        records.append(record(key))
    reader, real = Records(files), Files.list

    def list_then_lose(self, folder, suffix=""):
        names = real(self, folder, suffix)
        monkeypatch.setattr(Files, "list", real)
        records.compact()
        return names

    monkeypatch.setattr(Files, "list", list_then_lose)
    assert set(reader.read()) == {"a", "b"}


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


def damaged(content, how):
    if how == "altered":
        return content[:-4] + bytes(255 - b for b in content[-4:])
    if how == "footer":
        return content[:-60] + bytes(255 - b for b in content[-60:-8]) + content[-8:]
    return {"truncated": content[: len(content) // 2], "empty": b"", "no parquet": b"hello"}[how]


@pytest.mark.parametrize("how", ["truncated", "empty", "no parquet", "footer"])
def test_a_corrupt_part_is_one_clear_line(records, files, how):
    records.append(record("1"))
    records.append(record("2"))
    name = "records/part-1.parquet"
    files.write(name, damaged(files.read(name), how))
    with pytest.raises(IntegrityError) as caught:
        records.read()
    assert str(caught.value) == (
        f"{files.path(name)}: not readable; delete it and run the sweep again to make its "
        "records anew"
    )
    files.delete(name)
    assert set(records.read()) == {"2"}


# --- files -----------------------------------------------------------------------------------


def test_a_write_that_dies_half_way_leaves_the_old_file_and_nothing_else(files, monkeypatch):
    files.write("a/b", b"old")

    def die(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        files.write("a/b", b"new")
    assert files.read("a/b") == b"old"
    assert files.list("") == ["a/b"]


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


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            errno.ENOSPC,
            "no space left on the disk; what was finished is kept: free some, run it again",
        ),
        (errno.EACCES, "not writable; choose another folder with --store"),
        (errno.EROFS, "not writable; choose another folder with --store"),
    ],
)
def test_a_disk_that_takes_nothing_is_one_clear_line(records, files, monkeypatch, number, expected):
    records.append(record("1"))

    def full(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError) as caught:
        records.append(record("2"))
    assert str(caught.value) == f"{files.path('records/part-2.parquet')}: {expected}"
    monkeypatch.undo()
    assert set(records.read()) == {"1"}
    assert files.list("records") == ["records/part-1.parquet"]


def test_a_file_where_the_store_should_be_is_one_line(tmp_path):
    (tmp_path / "store").write_text("hello")
    with pytest.raises(StoreError, match=r"store: not a folder; choose another --store$"):
        Store(str(tmp_path / "store"))


def exercise(files):
    records, artefacts = Records(files), Artefacts(files)
    for key in "abc":
        records.append(record(key))
    records.compact()
    records.append(record("d"))
    records.discard(frozenset("a"))
    assert set(records.read()) == set("bcd")
    artefacts.save("x", {"test": {"logits": np.ones((2, 3), np.float32)}}, {"why": 1})
    assert artefacts.has_whole("x")
    assert artefacts.about("x") == {"why": 1}
    assert artefacts.ids() == {"x"}
    assert np.array_equal(artefacts.load("x", "test")["logits"], np.ones((2, 3)))
    artefacts.discard("x")
    assert artefacts.ids() == frozenset()


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_file_uri_is_a_local_folder(tmp_path, ending):
    files = Files(f"{(tmp_path / 'store').as_uri()}{ending}")
    assert files.is_local
    exercise(files)
    assert (tmp_path / "store" / "records" / "compact.parquet").is_file()


def test_a_store_on_another_file_system_works_the_same(tmp_path):
    files = Files("mock:///bucket/store/")  # has folders, as HDFS does
    assert not files.is_local
    exercise(files)


def test_a_store_in_a_part_of_a_file_system_works_the_same(tmp_path):
    files = Files("mock:///bucket/store/")
    files._fs = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
    exercise(files)
    assert (tmp_path / "bucket" / "store" / "records" / "compact.parquet").is_file()


# --- artefacts -------------------------------------------------------------------------------

ARRAYS = {
    "ids": np.arange(5),
    "labels": np.arange(5) % 2,
    "logits": np.arange(10, dtype=np.float32).reshape(5, 2)[:, ::-1],  # not contiguous
}


@pytest.mark.parametrize("part", ["forget", "test"])
def test_arrays_are_read_back_equal(artefacts, part):
    artefacts.save("x", {"forget": ARRAYS, "test": {"a": np.zeros((0, 3), np.float32)}})
    expected = ARRAYS if part == "forget" else {"a": np.zeros((0, 3), np.float32)}
    found = artefacts.load("x", part)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        assert np.array_equal(found[name], values)


@pytest.mark.parametrize("how", ["truncated", "altered", "empty", "missing"])
def test_a_damaged_artefact_is_never_used_and_made_again(artefacts, files, how):
    artefacts.save("x", {"weights": ARRAYS, "test": ARRAYS})
    name = "artefacts/x/weights.safetensors"
    content = files.read(name)
    files.delete(name) if how == "missing" else files.write(name, damaged(content, how))
    with pytest.raises(IntegrityError, match=r"artefacts/x/weights\.safetensors: "):
        artefacts.load("x", "weights")
    assert "weights.safetensors: " in artefacts.verify("x")
    assert artefacts.load("x", "test")
    assert not artefacts.has_whole("x")
    assert not artefacts.has("x")
    assert artefacts.ids() == frozenset()
    artefacts.save("x", {"weights": ARRAYS, "test": ARRAYS})
    assert artefacts.has_whole("x")


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"files": 1}', b"{"])
def test_a_damaged_manifest_is_a_damaged_artefact(artefacts, files, content):
    artefacts.save("x", {"weights": ARRAYS})
    files.write("artefacts/x/manifest.json", content)
    with pytest.raises(IntegrityError, match="missing or unreadable"):
        artefacts.load("x", "weights")
    assert artefacts.verify("x") == "artefacts/x/manifest.json: unreadable"
    assert not artefacts.has_whole("x")


def test_a_file_that_is_no_tensors_is_refused_even_with_the_right_checksum(artefacts, files):
    artefacts.save("x", {"weights": ARRAYS})
    files.write("artefacts/x/weights.safetensors", b"cos\nsystem\n(S'ls'\ntR.")
    manifest = json.loads(files.read("artefacts/x/manifest.json"))
    digest = hashlib.sha256(files.read("artefacts/x/weights.safetensors")).hexdigest()
    manifest["files"]["weights"]["sha256"] = digest
    files.write("artefacts/x/manifest.json", json.dumps(manifest).encode())
    with pytest.raises(IntegrityError, match=r"weights\.safetensors: "):
        artefacts.load("x", "weights")


def test_an_artefact_whose_writer_died_is_not_there(artefacts, monkeypatch):
    real = Files.write

    def die_at_manifest(self, name, content):
        if name.endswith("manifest.json"):
            raise KeyboardInterrupt
        real(self, name, content)

    monkeypatch.setattr(Files, "write", die_at_manifest)
    with pytest.raises(KeyboardInterrupt):
        artefacts.save("x", {"weights": ARRAYS})
    assert not artefacts.has("x")
    assert artefacts.verify("x") == "artefacts/x/manifest.json: missing"
    assert artefacts.ids() == {"x"}


def test_a_view_opens_its_ids_and_its_parts_and_nothing_else(tmp_path):
    store = Store(str(tmp_path))
    for key in "ab":
        store.artefacts.save(key, {"forget": ARRAYS, "test": ARRAYS})
    view = store.view(frozenset("a"), frozenset({"forget"}))
    assert np.array_equal(view.load("a", "forget")["ids"], ARRAYS["ids"])
    with pytest.raises(LeakError, match=r"may not read 'test'; it sees \['forget'\]"):
        view.load("a", "test")
    with pytest.raises(LeakError, match="does not depend on b and may not read it"):
        view.load("b", "forget")


# --- format ----------------------------------------------------------------------------------


def test_a_store_says_its_format_when_it_is_first_written(tmp_path):
    Store(str(tmp_path)).save_sweep("s", {"sweep.yaml": b"name: s"}, ["one", "two"])
    assert json.loads((tmp_path / "format.json").read_text()) == {"format": 1}
    assert (tmp_path / "sweeps" / "s" / "sweep.yaml").read_text() == "name: s"
    again = Store(str(tmp_path))
    assert (again.sweeps(), again.steps_of("s")) == (("s",), ("one", "two"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"format": 2}', "a store of format 2; this mubench has format 1; update mubench"),
        ('{"format": 0}', "a store of format 0; this mubench has format 1; choose a new --store"),
        ("{", "/format.json: unreadable; is this a store?"),
        ("{}", "/format.json: unreadable; is this a store?"),
        ("[1]", "/format.json: unreadable; is this a store?"),
        ('{"format": "x"}', "/format.json: unreadable; is this a store?"),
    ],
)
def test_a_store_of_another_format_is_refused_in_one_line(tmp_path, content, expected):
    (tmp_path / "format.json").write_text(content)
    with pytest.raises(StoreError) as caught:
        Store(str(tmp_path))
    assert str(caught.value).startswith(str(tmp_path))
    assert str(caught.value).endswith(expected)
    assert "\n" not in str(caught.value)


# --- lock ------------------------------------------------------------------------------------


def write_lock(files, **owner):
    here = {"sweep": "other", "host": socket.gethostname(), "pid": os.getpid()}
    files.write("lock.json", json.dumps({**here, "beat": time.time(), **owner}).encode())


def test_a_second_writer_is_refused_and_told_who_holds_the_store(tmp_path):
    store = Store(str(tmp_path))
    with store.lock("first"), pytest.raises(StoreError) as caught, store.lock("second"):
        pass
    assert str(caught.value) == (
        f"{tmp_path}: in use by sweep 'first' (process {os.getpid()} on {socket.gethostname()}); "
        "wait for it or choose another --store"
    )


def test_a_refused_writer_leaves_the_lock_and_the_owner_takes_it_away(tmp_path):
    store = Store(str(tmp_path))
    with store.lock("first"):
        with pytest.raises(StoreError), store.lock("second"):
            pass
        assert store.files.exists("lock.json")
    assert not store.files.exists("lock.json")
    with store.lock("third"):
        pass


def test_the_lock_goes_when_a_sweep_fails(tmp_path):
    store = Store(str(tmp_path))
    with pytest.raises(RuntimeError), store.lock("first"):
        raise RuntimeError
    assert not store.files.exists("lock.json")


def dead_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_the_lock_of_a_dead_process_is_taken_over(files):
    write_lock(files, pid=dead_pid(), started="123")
    with lock_module.Lock(files, "mine"):
        assert json.loads(files.read("lock.json"))["pid"] == os.getpid()


def test_the_lock_of_a_process_whose_number_was_given_away_is_taken_over(files):
    write_lock(files, started="1")  # this process did not start one tick after boot
    with lock_module.Lock(files, "mine"):
        assert json.loads(files.read("lock.json"))["sweep"] == "mine"


def test_the_lock_of_another_machine_holds_while_its_heart_beats(files):
    write_lock(files, host="elsewhere", started="1")
    with pytest.raises(StoreError, match="on elsewhere"), lock_module.Lock(files, "mine"):
        pass


def test_the_lock_of_another_machine_is_taken_over_when_its_heart_has_stopped(files):
    write_lock(files, host="elsewhere", started="1", beat=time.time() - 61)
    with lock_module.Lock(files, "mine"):
        assert json.loads(files.read("lock.json"))["sweep"] == "mine"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'"x"'])
def test_a_damaged_lock_holds_nobody_off(files, content):
    files.write("lock.json", content)
    with lock_module.Lock(files, "mine"):
        assert json.loads(files.read("lock.json"))["sweep"] == "mine"


def test_the_heart_beats_and_survives_a_full_disk(files, monkeypatch):
    monkeypatch.setattr(lock_module, "BEAT_SECONDS", 0.005)
    real, fails, beats = Files.write, [True, True], []

    def write(self, name, content):
        if beats and fails:
            fails.pop()
            raise StoreError("no space")
        real(self, name, content)
        beats.append(json.loads(content)["beat"])

    monkeypatch.setattr(Files, "write", write)
    with lock_module.Lock(files, "mine"):
        deadline = time.monotonic() + 10
        while len(beats) < 3 and time.monotonic() < deadline:
            time.sleep(0.002)
    assert len(beats) >= 3
    assert not fails
    assert beats == sorted(beats)
