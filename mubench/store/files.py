"""The files of a store, below one root: a local folder, or a prefix in an object store's bucket."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from mubench.errors import IntegrityError, one_line
from mubench.store.bucket import Bucket, is_bucket
from mubench.store.folder import Folder

AT_ONCE = 16
"""Requests that are under way together."""

T = TypeVar("T")
R = TypeVar("R")


class Place(Protocol):
    """A file system below a root. A file is whole or absent for whoever reads it."""

    root: str

    def write(self, name: str, content: bytes) -> str:
        """Write a file; return its version."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless it exists; return whether this call did."""
        ...

    def read(self, name: str) -> bytes:
        """The content of a file. Raises FileNotFoundError."""
        ...

    def exists(self, name: str) -> bool:
        """Whether a file exists."""
        ...

    def versions(self, folder: str) -> dict[str, str]:
        """All files below a folder, with their versions."""
        ...

    def delete(self, names: list[str]) -> None:
        """Delete those of some files that exist."""
        ...


class Files:
    """Files below one root: a local folder or a URI such as `s3://bucket/store`.

    Every method raises StoreError, in one line, where the disk or the object store refuses.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._place: Place = Bucket(uri) if is_bucket(uri) else Folder(local_folder(uri))

    @property
    def absolute_uri(self) -> str:
        """The same root for a process that runs in another folder, as workers do."""
        return self._place.root

    @property
    def is_local(self) -> bool:
        """Whether files lie on a disk of this machine (or one that looks like it)."""
        return isinstance(self._place, Folder)

    def path(self, name: str) -> str:
        """Where a file is, for a person."""
        return f"{self._place.root}/{name}"

    def _inside(self, name: str) -> str:
        """Pass a name of a file below the root: names come from data too.

        Raises:
            IntegrityError: it leads elsewhere, or cannot be a name.
        """
        if "\0" in name or not name or {"", ".", ".."} & {*name.split("/")}:
            raise IntegrityError(f"{self.uri}: {one_line(repr(name))} cannot be a file of a store")
        return name

    def write(self, name: str, content: bytes) -> str:
        """Write a file atomically; return its version, as in `versions`."""
        return self._place.write(self._inside(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file that nobody has written yet; of all who try, exactly one gets True."""
        return self._place.create(self._inside(name), content)

    def read(self, name: str) -> bytes:
        """The content of a file. Raises FileNotFoundError."""
        return self._place.read(self._inside(name))

    def exists(self, name: str) -> bool:
        """Whether the file exists."""
        return self._place.exists(self._inside(name))

    def list(self, folder: str, suffix: str = "") -> list[str]:
        """Names of all files below a folder, sorted."""
        return sorted(name for name in self._place.versions(folder) if name.endswith(suffix))

    def versions(self, folder: str) -> dict[str, str]:
        """Names of all files below a folder, each with a text that changes with its content."""
        return self._place.versions(folder)

    def delete(self, *names: str) -> None:
        """Delete those of some files that exist."""
        if names:
            self._place.delete([*map(self._inside, names)])

    def clear_temporaries(self) -> None:
        """Delete what writers that were killed have left half written; a bucket shows none."""
        if isinstance(self._place, Folder):
            self._place.clear_temporaries()

    def overlapped(self, function: Callable[[T], R], items: Iterable[T]) -> Sequence[R]:
        """Call a function that waits for files, for several items at a time; results in order."""
        todo = [*items]
        if len(todo) < 2:
            return [function(item) for item in todo]
        with ThreadPoolExecutor(min(AT_ONCE, len(todo))) as pool:
            return [*pool.map(function, todo)]


def local_folder(uri: str) -> Path:
    """The folder that a path or a `file://` address names."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path) if parts.scheme == "file" else uri)
