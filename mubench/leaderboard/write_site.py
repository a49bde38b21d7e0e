"""A board's files on disk: each written atomically, outdated files of an earlier build removed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mubench.errors import InputError
from mubench.leaderboard.read_rows import ROWS
from mubench.store.files import Files

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class WrittenSite:
    """The page of a written board, and counts of its rows, files and removed files."""

    page: Path
    rows: int
    files: int
    removed: int


def write_site(contents: Mapping[str, bytes], out: Path) -> WrittenSite:
    """Write a board; remove the files of an earlier build that this one does not write.

    Files that were changed since, and files that mubench did not write, are kept.

    Raises:
        InputError: the manifest of an earlier build cannot be read.
        StoreError: the disk is full or the folder not writable.
    """
    earlier = _manifest(out)
    files = Files(str(out))
    for name, content in contents.items():
        files.write(name, content)
    digests = {name: _digest(content) for name, content in sorted(contents.items())}
    files.write(MANIFEST, (json.dumps({"files": digests}, indent=1) + "\n").encode())
    stale = [name for name in earlier if name not in contents and _is_ours(out, name, earlier)]
    for name in stale:
        (out / name).unlink()
    rows = sum(name.startswith(f"{ROWS}/") for name in contents)
    return WrittenSite(out / "index.html", rows, len(contents), len(stale))


def _manifest(out: Path) -> dict[str, str]:
    path = out / MANIFEST
    if not path.exists():
        return {}
    try:
        return {
            str(name): str(digest)
            for name, digest in json.loads(path.read_bytes())["files"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path}: not written by mubench; choose another --out") from None


def _is_ours(out: Path, name: str, digests: Mapping[str, str]) -> bool:
    """Whether a name is a file inside the board with the content that mubench wrote."""
    path = out / name
    is_inside = path.resolve().is_relative_to(out.resolve())
    return is_inside and path.is_file() and _digest(path.read_bytes()) == digests[name]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
