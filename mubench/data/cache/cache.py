"""Decoded data on disk: made once and atomically, memory-mapped by every later process."""

import fcntl
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mubench.catalogue.files import cache_root
from mubench.errors import DataError

MANIFEST = "manifest.json"
Facts = dict[str, Any]


def cached(name: str, build: Callable[[Path], Mapping[str, Any]]) -> tuple[Path, Facts]:
    """The folder `name` of the cache and the facts that `build` returned for it.

    `build(folder)` writes files; it runs where the folder is missing, or where one of its files
    no longer has the size and time of the day it was made. One process builds, others wait.

    Raises:
        DataError: the cache cannot be written.
    """
    folder = cache_root() / name
    facts = _facts_if_whole(folder)
    if facts is None:
        try:
            with _locked(folder):
                facts = _facts_if_whole(folder) or _make(folder, build)
        except OSError as error:
            raise DataError(
                f"{folder}: cannot write the decoded data ({error.strerror}); "
                "free some space there or set MUBENCH_CACHE to another folder"
            ) from error
    return folder, facts


def peek(name: str) -> Facts | None:
    """The facts of the folder `name` of the cache if it is whole, else None; builds nothing."""
    return _facts_if_whole(cache_root() / name)


def damaged(name: str) -> list[str]:
    """The files of a cached folder whose content no longer has the checksum of its making."""
    folder = cache_root() / name
    files = json.loads((folder / MANIFEST).read_text())["sha256"]
    return [file for file, expected in files.items() if _sha256(folder / file) != expected]


def _make(folder: Path, build: Callable[[Path], Mapping[str, Any]]) -> Facts:
    # Under the lock, whatever is left from a killed process is nobody's.
    partial = folder.with_name(f"{folder.name}.partial")
    for stale in (partial, folder):
        shutil.rmtree(stale, ignore_errors=True)
    partial.mkdir()
    try:
        facts = dict(build(partial))
        sums = {path.name: _sha256(path) for path in sorted(partial.iterdir())}
        manifest = {"facts": facts, "files": _stamps(partial), "sha256": sums}
        (partial / MANIFEST).write_text(json.dumps(manifest))
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return facts


def _facts_if_whole(folder: Path) -> Facts | None:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        whole = _stamps(folder) == manifest["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(manifest["facts"]) if whole else None


def _stamps(folder: Path) -> dict[str, list[int]]:
    """Size and modification time of every file but the manifest: cheaper than a checksum."""
    files = (path for path in folder.iterdir() if path.name != MANIFEST)
    return {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in files}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock beside a folder; the system releases it if this process dies."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
