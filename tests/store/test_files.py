"""Files in a folder and in a bucket: a write is whole or has not been."""

import threading
from pathlib import Path

import numpy as np
import pytest

from mubench.errors import StoreError
from mubench.store.artefacts import Artefacts
from mubench.store.files import Files
from mubench.store.records import Records
from tests.support.stored_records import record


def test_a_file_is_written_read_listed_and_deleted(files):
    assert files.list("") == []
    for name in ("a/b/c", "a/d", "e"):
        files.write(name, name.encode())
    assert files.list("") == ["a/b/c", "a/d", "e"]
    assert files.list("a") == ["a/b/c", "a/d"]
    assert files.list("a", "d") == ["a/d"]
    assert files.list("none") == []
    assert files.read("a/d") == b"a/d"
    assert files.exists("a/d")
    assert not files.exists("a")
    files.delete("a/d", "none", "e")
    files.delete()
    assert files.list("") == ["a/b/c"]
    with pytest.raises(FileNotFoundError):
        files.read("a/d")


def test_a_version_changes_with_the_content(files):
    first = files.write("a", b"one")
    assert files.versions("") == {"a": first}
    assert files.write("a", b"two") != first
    assert files.versions("") != {"a": first}


def test_of_all_who_create_a_file_exactly_one_does(files):
    for number in range(10):
        start, made = threading.Barrier(8), []

        def create(each, name=f"a/{number}", start=start, made=made):
            start.wait()
            if files.create(name, bytes([each])):
                made.append(each)

        threads = [threading.Thread(target=create, args=(each,)) for each in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(made) == 1
        assert files.read(f"a/{number}") == bytes(made)


def test_several_files_at_a_time_come_in_order(files):
    names = [f"a/{number}" for number in range(40)]
    files.overlapped(lambda name: files.write(name, name.encode()), names)
    assert files.overlapped(files.read, names) == [name.encode() for name in names]
    assert files.overlapped(files.read, []) == []


def test_a_write_that_dies_half_way_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    files = Files(str(tmp_path))
    files.write("a/b", b"old")

    def die(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        files.write("a/b", b"new")
    assert files.read("a/b") == b"old"
    assert files.list("") == ["a/b"]


def test_records_and_artefacts_work_the_same_everywhere(files):
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
    files = Files(f"{(tmp_path / 'a store').as_uri()}{ending}")
    files.write("a", b"x")
    assert files.is_local
    assert files.absolute_uri == str(tmp_path / "a store")
    assert (tmp_path / "a store" / "a").is_file()


def test_a_bucket_is_the_same_from_every_folder(s3_uri):
    files = Files(f"{s3_uri}/")
    assert not files.is_local
    assert files.absolute_uri == s3_uri
    assert files.path("a") == f"{s3_uri}/a"


@pytest.mark.parametrize("uri", ["hdfs://x/y", "mock:///x", "http://x/y"])
def test_other_file_systems_are_refused_in_one_line(uri):
    with pytest.raises(StoreError) as caught:
        Files(uri)
    expected = f"{uri}: a store is a folder or begins with s3://, gs://, az://"
    assert str(caught.value) == expected
