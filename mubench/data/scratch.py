"""Folders for a while: a process deletes its own, and those that killed processes left."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mubench.errors import RunError

PREFIX = "mubench-"
INSIDE = "in"
"""The part of such a folder that is given away; beside it lies the file of its owner."""
_OWNER = ".mubench-owner"
"""The file of a folder that its process keeps locked; without it a folder is somebody else's."""

_PAUSES = (0.0, 0.05, 0.2, 0.8, 3.0)
"""Seconds before each try to delete a folder."""


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
            # Nothing of a session that has ended starts anew.
            _delete(folder, _PAUSES, although_used=True)
            _clear(place)  # what was still in use at the start


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
                _delete(owner.parent)


def _delete(folder: Path, pauses: Sequence[float] = (0.0,), *, although_used: bool = False) -> None:
    """Delete a folder, its owner's file last: what cannot go yet, the next process finds.

    While a process uses it, it stays; with `although_used` only until the last try.
    """
    for pause in pauses:
        time.sleep(pause)
        is_last_try = although_used and pause == pauses[-1]
        if not is_last_try and _is_used(folder):
            continue
        shutil.rmtree(folder / INSIDE, ignore_errors=True)
        if not (folder / INSIDE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            return


def _is_used(folder: Path) -> bool:
    """Whether a process has its temporary files there, as those of a session of Ray do.

    They outlive a killed owner for a while, and one that is just starting makes the whole folder
    anew: then it would be without its owner's file, and stay.
    """
    setting = os.fsencode(f"TMPDIR={folder / INSIDE}")
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it has ended, or is another user's
            if setting in environment.read_bytes().split(b"\0"):
                return True
    return False
