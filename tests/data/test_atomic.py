"""A file is whole or absent, whenever the writer dies."""

import os
from pathlib import Path

import pytest

from mubench.data.atomic import write_atomically


def test_a_file_is_written_with_its_folders_and_replaced(tmp_path):
    path = tmp_path / "a" / "b.json"
    for content in (b"one", b"two"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == ["b.json"]


@pytest.mark.parametrize(("owner", "step"), [(os, "fsync"), (Path, "replace")])
def test_a_writer_that_dies_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, owner, step):
    path = tmp_path / "a.json"
    write_atomically(path, b"old")

    def full(*given):
        raise OSError("disk full")

    monkeypatch.setattr(owner, step, full)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
