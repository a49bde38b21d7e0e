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


def test_a_file_that_another_deletes_at_once_was_written(files, monkeypatch):
    """As a claim is that its owner frees while a waiting process takes the store."""
    real = Path.replace

    def replaced(self, target):
        moved = real(self, target)
        moved.unlink()
        return moved

    monkeypatch.setattr(Path, "replace", replaced)
    assert files.write("lock/1.json", b"free")
    assert not files.exists("lock/1.json")


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


@pytest.mark.parametrize("name", ["damaged/a", "damaged/deeper/a"])
def test_nothing_is_written_or_deleted_through_a_link_out_of_the_folder(files, tmp_path, name):
    outside = tmp_path / "outside"
    (outside / "deeper").mkdir(parents=True)
    (outside / "a").write_text("precious")
    files.write("b", b"")
    (tmp_path / "store" / "damaged").symlink_to(outside)
    for attempt in (lambda: files.write(name, b"x"), lambda: files.create(name, b"x")):
        with pytest.raises(StoreError, match="a link out of"):
            attempt()
    with pytest.raises(StoreError, match="a link out of"):
        files.delete(name)
    assert [path.name for path in sorted(outside.rglob("*"))] == ["a", "deeper"]


def test_links_in_a_listed_folder_are_not_followed(files, tmp_path):
    files.write("records/b", b"")
    for depth in range(20):
        folder = tmp_path / f"{depth}"
        folder.mkdir()
        for name in "xy":
            (folder / name).symlink_to(tmp_path / f"{depth + 1}")
    (tmp_path / "store" / "records" / "many").symlink_to(tmp_path / "0")
    (tmp_path / "20").mkdir()
    assert files.list("records") == ["records/b", "records/many"]


def test_a_store_that_is_a_link_is_written(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    Files(str(tmp_path / "store")).write("a/b", b"x")
    assert (tmp_path / "disk" / "a" / "b").read_bytes() == b"x"


@pytest.mark.parametrize("endless", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_or_a_device_is_one_line_and_is_not_read(files, tmp_path, endless):
    files.write("a", b"")
    endless(tmp_path / "store" / "b")
    with pytest.raises(StoreError, match="b: not readable: a pipe or a device, not a file"):
        files.read("b")
