"""A folder or file of data, on this machine or wherever `pyarrow.fs` reaches."""

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import fs

from mubench.errors import DataError

MOST_FILES, DEEPEST = 3_000_000, 10
"""Entries below a folder, and levels of folders: more are no data set."""


class File(NamedTuple):
    """A file below a place."""

    path: str
    """As its file system knows it."""
    name: str
    """Relative to the place."""
    size: int
    mtime_ns: int


class Place(NamedTuple):
    """What a person pointed at."""

    files: fs.FileSystem
    path: str
    is_file: bool

    def listed(self) -> list[File]:
        """All files below, by name, without hidden ones; the file itself, if it is one.

        Raises:
            DataError: it cannot be listed, or holds more files than a data set has.
        """
        if self.is_file:
            infos = [self.files.get_file_info(self.path)]
        else:
            infos = [info for info in self._below() if info.type == fs.FileType.File]
        found = (
            File(info.path, self._name(info.path), info.size, info.mtime_ns or 0) for info in infos
        )
        return sorted(found, key=lambda file: file.name)

    def folders(self) -> list[str]:
        """The names of all folders below, without hidden ones."""
        below = [] if self.is_file else self._below()
        return sorted(self._name(i.path) for i in below if i.type == fs.FileType.Directory)

    def _below(self) -> list[fs.FileInfo]:
        found: list[fs.FileInfo] = []
        folders = [(self.path, 0)]
        while folders:
            folder, depth = folders.pop()
            try:
                infos = self.files.get_file_info(fs.FileSelector(folder))
                hidden = [info.base_name.startswith((".", "__MACOSX")) for info in infos]
            except OSError as error:
                raise DataError(f"{folder}: cannot be listed ({first_line(error)})") from error
            except UnicodeDecodeError as error:
                shown = error.object.decode(errors="backslashreplace")
                raise DataError(
                    f"{folder}: the name {shown} in it is no UTF-8; rename the file"
                ) from error
            infos = [info for info, is_hidden in zip(infos, hidden, strict=True) if not is_hidden]
            found += infos
            if len(found) > MOST_FILES or depth > DEEPEST:
                raise DataError(
                    f"{self.path}: more than {MOST_FILES:,} files, or more than {DEEPEST} folders "
                    "deep; name the folder of one data set"
                )
            folders += [(i.path, depth + 1) for i in infos if i.type == fs.FileType.Directory]
        return found

    def _name(self, path: str) -> str:
        return Path(path).name if self.is_file else path.removeprefix(self.path).lstrip("/")

    def read(self, path: str) -> bytes:
        """All bytes of a file. Raises DataError where it cannot be read."""
        try:
            with self.files.open_input_file(path) as stream:
                return bytes(stream.read())
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({first_line(error)})") from error


def open_place(uri: str) -> Place:
    """Where data are: a path, or a URI of `pyarrow.fs` such as `s3://bucket/folder`.

    Raises:
        DataError: there is nothing, or the URI is of an unknown kind.
    """
    try:
        if "://" in uri:
            files, path = fs.FileSystem.from_uri(uri)
        else:
            files, path = fs.LocalFileSystem(), str(Path(uri).absolute())
        kind = files.get_file_info(path).type
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{uri}: cannot be opened ({first_line(error)})") from error
    if kind == fs.FileType.NotFound:
        raise DataError(f"{uri}: no such folder or file")
    if kind == fs.FileType.Unknown:
        raise DataError(f"{uri}: neither a folder nor a file")
    return Place(files, path.rstrip("/") or "/", kind == fs.FileType.File)


def first_line(error: Exception) -> str:
    """The first line of an error's text, or its type."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
