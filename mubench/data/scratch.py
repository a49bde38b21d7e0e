"""Folders for a while: a process deletes its own, and those that killed processes left."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mubench.errors import RunError

PREFIX = "mubench-"
INSIDE = "in"
"""The part of such a folder that is given away; beside it lies the file of its owner."""
_OWNER = ".mubench-owner"
"""The file of a folder that its process keeps locked; without it a folder is somebody else's."""


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a temporary folder, below `parent` if given; it is deleted when the context ends.

    What a killed process left there is deleted first. The system releases a lock together with its
    process: numbers of processes are given away again, and count in one container alone.

    Raises:
        RunError: no folder can be made.
    """
    try:
        place = parent or Path(tempfile.gettempdir())
        _clear(place)
        folder, lock = _make(place)
    except OSError as error:
        where = f"{parent}: " if parent else ""
        raise RunError(
            f"{where}no temporary folder ({error.strerror or error}); set TMPDIR to a folder with "
            "free space"
        ) from error
    with lock:
        try:
            yield folder / INSIDE
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _make(parent: Path) -> tuple[Path, IO[bytes]]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        lock = (folder / _OWNER).open("xb")
        with suppress(OSError):  # a file system without locks: nobody will delete it, either
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            (folder / INSIDE).mkdir()
            return folder, lock
        lock.close()  # another process was faster: it took the folder for one that was left


def _clear(parent: Path) -> None:
    """Delete the folders of this user whose processes are gone."""
    for owner in parent.glob(f"{PREFIX}*/{_OWNER}"):
        with suppress(OSError):
            if owner.parent.is_symlink() or owner.parent.stat().st_uid != os.geteuid():
                continue
            with owner.open("r+b") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(owner.parent, ignore_errors=True)
