"""Where Ray may put the folder of its session: sockets, logs, and objects that fit nowhere else."""

import os
import shutil
import tempfile
from pathlib import Path

from mubench.data.scratch import INSIDE, PREFIX
from mubench.errors import RunError

_LONGEST_SOCKET = 103
"""Bytes of the path of a unix socket: 107 on Linux, 103 on macOS."""
_SESSION = "session_2026-01-01_00-00-00_000000_4194304"
_BELOW = f"/{PREFIX}12345678/{INSIDE}/{_SESSION}/sockets/plasma_store"
LONGEST = _LONGEST_SOCKET - len(_BELOW)
"""Bytes of the path of a folder below which Ray's sockets have paths that are short enough."""
ROOM_BYTES = 256 * 2**20
"""For logs, and for the object store where /dev/shm is small."""


def session_parent() -> Path:
    """The first folder that Ray can use: that of TMPDIR, else a common short one.

    Raises:
        RunError: there is none.
    """
    tried = dict.fromkeys(
        os.path.abspath(folder)
        for folder in (
            os.environ.get("TMPDIR"),
            tempfile.gettempdir(),
            "/tmp",
            os.environ.get("XDG_RUNTIME_DIR"),
            "/dev/shm",
        )
        if folder
    )
    problems = []
    for folder in tried:
        problem = _problem(folder)
        if not problem:
            return Path(folder)
        problems.append(f"{folder}: {problem}")
    raise RunError(
        f"no temporary folder for Ray ({'; '.join(problems)}): set TMPDIR to a folder with a path "
        f"of at most {LONGEST} bytes and {ROOM_BYTES >> 20} MB of space"
    )


def _problem(folder: str) -> str:
    """What keeps Ray from using a folder; empty where nothing does."""
    if not os.path.isdir(folder):
        return "no folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "not writable"
    if len(os.fsencode(folder)) > LONGEST:
        return "path too long"
    if shutil.disk_usage(folder).free < ROOM_BYTES:
        return "no space left"
    return ""
