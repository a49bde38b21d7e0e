"""What sources of images in files share: listing, decoding in threads, small lists beside them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mubench.data.sources.decode_images import decode_one
from mubench.errors import DataError

SUFFIXES = (".jpeg", ".jpg", ".png")
BATCH = 256
"""Images that are decoded, and held, at once."""
THREADS = 8


def decode_files(
    paths: Sequence[str], card: Mapping[str, Any], *, any_mode: bool = False
) -> Iterator[NDArray[np.uint8]]:
    """The images at `paths`, in that order, as uint8 (b, c, h, w); b is `BATCH`, less at the end.

    They have the card's `stored_shape` (without it `input_shape`), or are brought to it where the
    card says `resize`.

    Args:
        paths: files of PNG or JPEG images.
        card: the data card.
        any_mode: let grey images become RGB where they need not be resized.

    Raises:
        DataError: a file is absent or unreadable, or its image is damaged or of another size.
    """
    shape = tuple(card.get("stored_shape") or card["input_shape"])
    resize = bool(card.get("resize"))

    def one(path: str) -> NDArray[np.uint8]:
        try:
            return decode_one(_bytes(path), shape, path, resize=resize, any_mode=any_mode)
        except DataError as error:
            raise DataError(f"{error}; fetch this file again") from error

    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(paths), BATCH):
            yield np.stack(list(pool.map(one, paths[start : start + BATCH])))


def images_in(folder: Path) -> list[str]:
    """The paths of the images that lie directly in a folder, sorted by name.

    Raises:
        DataError: there is no such folder.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.path for entry in entries if is_image(entry.name))
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be listed ({error.strerror}); put the images there"
        ) from error


def is_image(name: str) -> bool:
    """Whether a file has the suffix of a JPEG or PNG image."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def folders_in(folder: Path) -> list[str]:
    """The sorted names of the folders directly in a folder, hidden ones left out."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def lines_of(path: Path) -> list[str]:
    """The lines of a small text file.

    Raises:
        DataError: it is absent, or not text.
    """
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; put it there") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); fetch it again") from error


def stamp_of(path: Path) -> list[Any]:
    """Name, size and time of a file, or of a folder the name and time; None where it is absent."""
    try:
        status = path.stat()
    except OSError:
        return [path.name, None, None]
    return [path.name, None if path.is_dir() else status.st_size, status.st_mtime_ns]


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
