"""A file is whole or absent, whenever the writer dies."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mubench.data import atomic
from mubench.data.atomic import TEMPORARY, clear_temporaries, write_atomically

IN_MID_WRITE = (
    "import os, sys, time; from pathlib import Path; from mubench.data.atomic import *\n"
    "os.fsync = lambda _: (print('writing', flush=True), time.sleep(60))\n"
    "write_atomically(Path(sys.argv[1]), b'half')\n"
)


def in_mid_write(path):
    """A process that is writing a file."""
    command = [sys.executable, "-c", IN_MID_WRITE, str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "writing\n"
    return process


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


def test_what_a_killed_writer_left_is_deleted_and_nothing_else(tmp_path):
    killed, living = in_mid_write(tmp_path / "a" / "b"), in_mid_write(tmp_path / "c")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    [left] = (tmp_path / "a").iterdir()
    others = [".notes.tmp", ".x.0123456789abcdeF.tmp", "x.0123456789abcdef.tmp", "b"]
    for name in others:
        (tmp_path / name).write_text("a user's")
    used = {path for path in tmp_path.glob(TEMPORARY) if path.name.startswith(".c.")}
    clear_temporaries(tmp_path.rglob(TEMPORARY))
    assert not left.exists()
    assert {*tmp_path.iterdir()} == used | {tmp_path / name for name in ("a", *others)}
    living.kill()
    living.communicate()


def test_a_file_that_was_taken_for_a_left_one_is_written_anyway(tmp_path, monkeypatch):
    """The other came between the opening of the file and its lock."""
    real, calls = atomic.fcntl.flock, []

    def flock(stream, how):
        calls.append(how)
        if len(calls) == 1:
            Path(stream.name).unlink()
        real(stream, how)

    monkeypatch.setattr(atomic.fcntl, "flock", flock)
    write_atomically(tmp_path / "a", b"whole")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"whole")]
    assert len(calls) == 2


def test_a_file_system_without_locks_can_hold_files(tmp_path, monkeypatch):
    def flock(stream, how):
        raise OSError("not supported")

    monkeypatch.setattr(atomic.fcntl, "flock", flock)
    write_atomically(tmp_path / "a", b"whole")
    (tmp_path / ".a.0123456789abcdef.tmp").write_bytes(b"who knows")
    clear_temporaries(tmp_path.rglob(TEMPORARY))
    assert len(list(tmp_path.iterdir())) == 2
