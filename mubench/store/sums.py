"""SHA256SUMS of a folder that mubench writes: a report, a board. `sha256sum -c` reads it too."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mubench.data.atomic import read_file
from mubench.errors import IntegrityError

SUMS = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def sums_file(contents: Mapping[str, bytes]) -> bytes:
    """Return the file of checksums of some files, by their names in the folder."""
    lines = [f"{sha256(contents[name])}  {name}\n" for name in sorted(contents)]
    return "".join(lines).encode()


def read_sums(folder: Path) -> dict[str, str]:
    """Return the checksum of each file that a folder was written with.

    Raises:
        FileNotFoundError: the folder has no such file.
        IntegrityError: it is damaged.
    """
    where = folder / SUMS
    try:
        *lines, rest = where.read_bytes().decode().split("\n")
    except UnicodeDecodeError:
        raise IntegrityError(f"{where}: damaged: not text") from None
    found = [_LINE.fullmatch(line) for line in lines]
    sums = {match[2]: match[1] for match in found if match}
    if rest or len(sums) < len(lines):
        raise IntegrityError(f"{where}: damaged: not a list of checksums")
    return sums


def problems_of_folder(folder: Path) -> Iterator[str]:
    """Yield a line for each file of a folder that is damaged or missing.

    Files that mubench did not write there are nobody's business.
    """
    try:
        sums = read_sums(folder)
    except IntegrityError as error:
        yield str(error)
        return
    for name, expected in sums.items():
        path = folder / name
        try:
            if not path.resolve().is_relative_to(folder.resolve()):
                yield f"{folder / SUMS}: damaged: names a file outside of its folder"
            elif sha256(read_file(path)) != expected:
                yield f"{path}: damaged: does not match its checksum in {SUMS}"
        except FileNotFoundError:
            yield f"{path}: missing"
        except (OSError, ValueError) as error:
            yield f"{path}: not readable: {error}"


def sha256(content: bytes) -> str:
    """Return a checksum in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
