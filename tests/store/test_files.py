"""Files on any file system: a write is whole or has not been."""

from pathlib import Path

import numpy as np
import pytest
from pyarrow import fs

from mubench.store.artefacts import Artefacts
from mubench.store.files import Files
from mubench.store.records import Records
from tests.support.stored_records import record


def test_a_write_that_dies_half_way_leaves_the_old_file_and_nothing_else(files, monkeypatch):
    files.write("a/b", b"old")

    def die(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        files.write("a/b", b"new")
    assert files.read("a/b") == b"old"
    assert files.list("") == ["a/b"]


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
