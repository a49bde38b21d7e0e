"""The cache's folder; reading files that a person names: no device or pipe, and up to a bound."""

import os
from pathlib import Path

from mubench.errors import InputError


def cache_root() -> Path:
    """MUBENCH_CACHE, or ~/.cache/mubench."""
    return Path(os.environ.get("MUBENCH_CACHE") or Path.home() / ".cache" / "mubench")


def read_file(path: Path, most: int) -> bytes:
    """The content of a file of at most `most` bytes.

    Raises:
        InputError: it is larger, or a device or a pipe, which may have no end.
        OSError: it is not there, or not readable.
    """
    if os.path.exists(path) and not os.path.isdir(path) and not os.path.isfile(path):
        raise InputError(f"{path}: no regular file; give one")
    with path.open("rb") as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise InputError(f"{path}: larger than {most:,} bytes, which are the most that are read")
    return content
