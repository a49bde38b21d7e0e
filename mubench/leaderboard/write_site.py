"""A board's files on disk: each written atomically, outdated files of an earlier build removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mubench.errors import InputError, IntegrityError
from mubench.leaderboard.read_rows import ROWS
from mubench.store.files import Files
from mubench.store.sums import SUMS, read_sums, sha256, sums_file


@dataclass(frozen=True)
class WrittenSite:
    """The page of a written board, and counts of its rows, files and removed files."""

    page: Path
    rows: int
    files: int
    removed: tuple[str, ...]
    """Names of the files of an earlier build that this one does not write."""

    @property
    def removed_rows(self) -> tuple[str, ...]:
        """The rows among the removed files."""
        return tuple(name for name in self.removed if name.startswith(f"{ROWS}/"))


def write_site(contents: Mapping[str, bytes], out: Path) -> WrittenSite:
    """Write a board; remove the files of an earlier build that this one does not write.

    Files that were changed since, and files that mubench did not write, are kept.

    Raises:
        InputError: the checksums of an earlier build cannot be read.
        StoreError: the disk is full or the folder not writable.
    """
    earlier = _earlier(out)
    files = Files(str(out))
    for name, content in contents.items():
        files.write(name, content)
    files.write(SUMS, sums_file(contents))
    stale = [name for name in earlier if name not in contents and _is_ours(out, name, earlier)]
    for name in stale:
        (out / name).unlink()
    rows = sum(name.startswith(f"{ROWS}/") for name in contents)
    return WrittenSite(out / "index.html", rows, len(contents), tuple(stale))


def _earlier(out: Path) -> dict[str, str]:
    """The files of an earlier build with their checksums."""
    try:
        return read_sums(out)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (IntegrityError, OSError):
        raise InputError(
            f"{out / SUMS}: not written by mubench, or damaged; choose another --out"
        ) from None


def _is_ours(out: Path, name: str, sums: Mapping[str, str]) -> bool:
    """Whether a name is a file inside the board with the content that mubench wrote."""
    path = out / name
    is_inside = path.resolve().is_relative_to(out.resolve())
    return is_inside and path.is_file() and sha256(path.read_bytes()) == sums[name]
