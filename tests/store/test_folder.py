"""Files in a local folder: versions, and a disk that refuses."""

import errno
import os
from pathlib import Path

import pytest

from mubench.errors import StoreError
from mubench.store.files import Files
from mubench.store.lock import Lock


@pytest.fixture
def files(tmp_path):
    return Files(str(tmp_path / "store"))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            errno.ENOSPC,
            "no space left on the disk; what was finished is kept: free some, run it again",
        ),
        (
            errno.EDQUOT,
            "no space left on the disk; what was finished is kept: free some, run it again",
        ),
        (errno.EACCES, "not writable; choose another folder with --store"),
        (errno.EROFS, "not writable; choose another folder with --store"),
    ],
)
def test_a_disk_that_takes_nothing_is_one_clear_line(files, monkeypatch, number, expected):
    files.write("a", b"old")

    def full(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError) as caught:
        files.write("a", b"new")
    assert str(caught.value) == f"{files.path('a')}: {expected}"
    assert files.list("") == ["a"]
    assert files.read("a") == b"old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_file_that_cannot_be_created_whole_is_not_created(files, monkeypatch):
    real = Path.open
    files.write("folder/other", b"")

    def on_a_full_disk(self, mode):
        real(self, mode).close()
        return real(Path("/dev/full"), "wb", buffering=0)

    with monkeypatch.context() as full:
        full.setattr(Path, "open", on_a_full_disk)
        with pytest.raises(StoreError, match="no space left on the disk"):
            files.create("folder/a", b"content")
    assert files.list("") == ["folder/other"]
    assert files.create("folder/a", b"content")


def test_a_file_that_cannot_be_read_is_one_line(files):
    files.write("folder/a", b"")
    with pytest.raises(StoreError, match=r"store/folder: not readable: Is a directory$"):
        files.read("folder")


def test_a_file_that_is_written_again_with_the_same_size_has_another_version(files):
    versions = {files.write("a", bytes([number])) for number in range(20)}
    assert len(versions) == 20


def test_files_that_go_while_they_are_listed_are_left_out(files, monkeypatch):
    files.write("a", b"")
    files.write("b", b"")
    real = os.scandir

    def scan_then_delete(folder):
        entries = list(real(folder))
        files.delete("a")
        return entries

    monkeypatch.setattr(os, "scandir", scan_then_delete)
    assert files.list("") == ["b"]


def test_the_next_writer_deletes_what_a_killed_one_left_half_written(tmp_path):
    left = tmp_path / "artefacts" / "id" / ".weights.safetensors.0123456789abcdef.tmp"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    with Lock(Files(str(tmp_path)), "sweep"):
        assert not left.exists()
