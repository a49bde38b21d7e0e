"""A folder on any `pyarrow.fs` file system, in which a file is whole or absent."""

import errno
from pathlib import Path

from pyarrow import fs

from mubench.data.atomic import write_atomically
from mubench.errors import StoreError


class Files:
    """Files below one root: a local folder or a URI such as `s3://bucket/store`."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        if "://" in uri:
            self._fs, root = fs.FileSystem.from_uri(uri)
            self._root = root.rstrip("/")
        else:
            self._fs, self._root = fs.LocalFileSystem(), str(Path(uri).absolute())

    @property
    def absolute_uri(self) -> str:
        """The same root for a process that runs in another folder, as workers do."""
        return self.uri if "://" in self.uri else self._root

    @property
    def is_local(self) -> bool:
        """Whether files lie on a disk of this machine (or one that looks like it)."""
        return isinstance(self._fs, fs.LocalFileSystem)

    def path(self, name: str) -> str:
        """The path of `name` on the file system."""
        return f"{self._root}/{name}"

    def write(self, name: str, content: bytes) -> None:
        """Write a file atomically.

        A local file is written beside its place, flushed to the disk and renamed; an object store
        shows an object only when it is complete.

        Raises:
            StoreError: no space, or no permission.
        """
        try:
            if self.is_local:
                write_atomically(Path(self.path(name)), content)
            else:
                self._write_remote(self.path(name), content)
        except OSError as error:
            raise StoreError(f"{self.path(name)}: {_reason(error)}") from error

    def read(self, name: str) -> bytes:
        """The content of a file. Raises FileNotFoundError."""
        with self._fs.open_input_stream(self.path(name)) as stream:
            return bytes(stream.read())

    def exists(self, name: str) -> bool:
        """Whether the file exists."""
        return bool(self._fs.get_file_info(self.path(name)).type == fs.FileType.File)

    def list(self, folder: str, suffix: str = "") -> list[str]:
        """Names of all files below a folder, sorted."""
        entries = self._fs.get_file_info(
            fs.FileSelector(self.path(folder), recursive=True, allow_not_found=True)
        )
        cut = len(self._root) + 1
        names = (info.path[cut:] for info in entries if info.type == fs.FileType.File)
        return sorted(name for name in names if name.endswith(suffix))

    def delete(self, name: str) -> None:
        """Delete a file if it exists."""
        if self.exists(name):
            self._fs.delete_file(self.path(name))

    def _write_remote(self, path: str, content: bytes) -> None:
        try:
            stream = self._fs.open_output_stream(path)
        except FileNotFoundError:  # a file system with real folders
            self._fs.create_dir(path.rpartition("/")[0], recursive=True)
            stream = self._fs.open_output_stream(path)
        with stream:
            stream.write(content)


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "no space left on the disk; what was finished is kept: free some, run it again"
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return "not writable; choose another folder with --store"
    return str(error)
