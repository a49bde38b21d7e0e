"""Files below a folder of this machine, or of a file server that looks like it (NFS)."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mubench.data.atomic import TEMPORARY, clear_temporaries, read_file, write_atomically
from mubench.errors import StoreError
from mubench.store.full_disk import ADVICE, is_full


class Folder:
    """Files below a local folder.

    A file is written beside its place, flushed to the disk and renamed.
    """

    def __init__(self, path: Path) -> None:
        self.root = str(path.absolute()).rstrip("/")

    def write(self, name: str, content: bytes) -> str:
        """Write a file atomically; return its version."""
        path = self._path(name)
        with _one_line(path):
            self._check_inside(path)
            return _version(write_atomically(path, content))

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless it exists: O_EXCL, which NFS keeps too."""
        path = self._path(name)
        with _one_line(path):
            self._check_inside(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                stream = path.open("xb")
            except FileExistsError:
                return False
            try:
                with stream:
                    stream.write(content)
            except BaseException:
                path.unlink()
                raise
            return True

    def read(self, name: str) -> bytes:
        """The content of a file. Raises FileNotFoundError."""
        try:
            return read_file(self._path(name))
        except (FileNotFoundError, NotADirectoryError):
            raise
        except OSError as error:
            raise StoreError(f"{self._path(name)}: not readable: {error.strerror}") from error

    def exists(self, name: str) -> bool:
        """Whether a file exists."""
        return self._path(name).is_file()

    def versions(self, folder: str) -> dict[str, str]:
        """All files below a folder, with their versions."""
        cut = len(self.root) + 1
        with _one_line(self._path(folder)):
            return {
                entry.path[cut:]: _version(status) for entry, status in _files(self._path(folder))
            }

    def delete(self, names: list[str]) -> None:
        """Delete those of some files that exist."""
        for name in names:
            path = self._path(name)
            with _one_line(path):
                self._check_inside(path)
                path.unlink(missing_ok=True)

    def clear_temporaries(self) -> None:
        """Delete what writers that were killed have left half written."""
        clear_temporaries(Path(self.root).rglob(TEMPORARY))

    def _check_inside(self, path: Path) -> None:
        """Pass if a file that is written or deleted lies in this folder: a stranger may link out.

        Raises:
            StoreError: a link leads elsewhere.
        """
        if not path.parent.resolve().is_relative_to(Path(self.root).resolve()):
            raise StoreError(
                f"{path.parent}: a link out of {self.root}: nothing is written or deleted there; "
                "make a folder of it"
            )

    def _path(self, name: str) -> Path:
        return Path(self.root, name)


def _files(folder: Path) -> Iterator[tuple["os.DirEntry[str]", os.stat_result]]:
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            with suppress(FileNotFoundError):  # deleted meanwhile
                yield entry, entry.stat()


def _version(status: os.stat_result) -> str:
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    if is_full(error):
        return ADVICE
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return "not writable; choose another folder with --store"
    return str(error)
