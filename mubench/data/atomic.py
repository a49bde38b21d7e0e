"""Atomic writes: a file is complete or absent, whenever the process dies."""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file in the same folder, flush it to the disk, and rename it.

    Raises:
        OSError: no space, or no permission.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Process ids do not tell writers apart that share a folder from several machines.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
