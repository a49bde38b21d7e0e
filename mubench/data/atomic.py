"""Atomic writes: a file is complete or absent, whenever the process dies. Reads that end."""

import errno
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO

TEMPORARY = ".*.tmp"
"""A pattern of the names of temporary files; `clear_temporaries` tells them from a user's."""
_NAME = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")


def read_file(path: Path) -> bytes:
    """The content of a file.

    Raises:
        OSError: it cannot be read, or is a pipe or a device: a reader may see no end of it.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "a pipe or a device, not a file", str(path))
    return path.read_bytes()


def write_atomically(path: Path, content: bytes) -> os.stat_result:
    """Write a temporary file in the same folder, flush it to the disk, and rename it.

    Returns what the system says of the file that was written: at its place there may soon be
    another, or none.

    Raises:
        OSError: no space, or no permission.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, stream = _open_temporary(path)
    try:
        with stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            temporary.replace(path)
            return os.fstat(stream.fileno())
    finally:
        temporary.unlink(missing_ok=True)


def clear_temporaries(paths: Iterable[Path]) -> None:
    """Delete those of some files that writers which are gone have left half written.

    A writer keeps its file locked: the system releases that together with the process.
    """
    for path in paths:
        if _NAME.fullmatch(path.name):
            with suppress(OSError), path.open("r+b") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


def _open_temporary(path: Path) -> tuple[Path, IO[bytes]]:
    while True:
        # Process ids do not tell writers apart that share a folder from several machines.
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
        stream = temporary.open("wb")
        with suppress(OSError):  # a file system without locks: nobody will delete it, either
            fcntl.flock(stream, fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, stream
        stream.close()  # it was taken for one that was left
