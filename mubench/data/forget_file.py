"""Forget sets as files, so that two papers can forget the same examples.

JSON with the ids of D_f and the data set that they belong to. Plain lists can be read too: one
number per line, or a NumPy array. Ids are positions in the data set's official training
split, as its source has it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mubench.catalogue.files import read_file
from mubench.data.atomic import write_atomically
from mubench.errors import InputError

MOST_BYTES = 2**24
"""Of a file: twice what a list of all of ImageNet's training examples takes."""


@dataclass(frozen=True)
class ForgetFile:
    """A forget set as a file names it."""

    name: str
    ids: tuple[int, ...]
    """Ascending and distinct."""
    sha256: str
    """Of the file."""
    data: str
    """Fingerprint of the data set that the ids belong to; empty where the file does not say."""


def file_name(*parts: str) -> str:
    """The name of a forget set's file, from the words that tell it from others."""
    return re.sub(r"[^\w.=+-]+", "_", "-".join(parts)) + ".json"


def write_forget_file(path: Path, about: Mapping[str, Any], ids: list[int]) -> None:
    """Write a forget set: `about` describes its origin (dataset, data, scenario, ...)."""
    text = json.dumps({**about, "ids": sorted(ids)}, indent=None)
    write_atomically(path, f"{text}\n".encode())


@cache
def read_forget_file(path: str) -> ForgetFile:
    """Read a forget set.

    Raises:
        InputError: the file is missing, is no list of whole numbers, or names an example twice.
    """
    file = Path(path)
    try:
        content = read_file(file, MOST_BYTES)
    except OSError as error:
        raise InputError(f"{path}: no such forget set ({error.strerror})") from None
    try:
        node = _parsed(file.suffix, content)
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise InputError(
            f"{path}: not a forget set: JSON with 'ids', one number a line, or a NumPy array of "
            f"integers is needed ({' '.join(str(error).split())})"
        ) from None
    ids = _checked(node["ids"], path)
    return ForgetFile(
        file.stem, ids, hashlib.sha256(content).hexdigest(), str(node.get("data", ""))
    )


def embed(named: Any) -> list[dict[str, str]]:
    """Return forget sets in the place of their paths: what `unpack` reads, on any machine.

    Args:
        named: what a sweep file has there: a path, or a list of paths.

    Raises:
        InputError: as `read`.
    """
    if isinstance(named, list):
        return [one for each in named for one in embed(each)]
    return [named if isinstance(named, dict) else _pack(read_forget_file(named))]


def unpack(node: Mapping[str, Any]) -> ForgetFile:
    """Read a forget set that stands in a sweep itself.

    Raises:
        InputError: it is not a forget set, or names an example twice.
    """
    try:
        name, sha256, data, text = (str(node[key]) for key in _PACKED)
        ids = [int(word) for word in text.split()]
    except (ValueError, KeyError) as error:
        raise InputError(f"forget set: {', '.join(_PACKED)} are needed ({error})") from None
    return ForgetFile(name, _checked(ids, f"forget set {name}"), sha256, data)


_PACKED = ("name", "sha256", "data", "ids")


def _pack(file: ForgetFile) -> dict[str, str]:
    """Ids as one text: a list of thousands would fill as many lines."""
    ids = " ".join(map(str, file.ids))
    return dict(zip(_PACKED, (file.name, file.sha256, file.data, ids), strict=True))


def _checked(ids: Iterable[int], where: str) -> tuple[int, ...]:
    """Ids in order; refuses an empty list, negative ids and duplicates."""
    ordered = tuple(sorted(ids))
    if not ordered:
        raise InputError(f"{where}: names no example")
    if ordered[0] < 0:
        raise InputError(f"{where}: {ordered[0]} is no position of an example; they begin at 0")
    twice = next((a for a, b in pairwise(ordered) if a == b), None)
    if twice is not None:
        raise InputError(f"{where}: names example {twice} twice")
    return ordered


def _parsed(suffix: str, content: bytes) -> dict[str, Any]:
    if suffix == ".npy":
        array = np.load(BytesIO(content), allow_pickle=False)
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"an array {array.dtype} of shape {array.shape}")
        return {"ids": array.tolist()}
    if suffix == ".json":
        node = json.loads(content)
        if isinstance(node, list):
            node = {"ids": node}
        if not all(isinstance(i, int) and not isinstance(i, bool) for i in node["ids"]):
            raise ValueError("an id that is no whole number")
        return dict(node)
    return {"ids": [int(line) for line in content.decode().split()]}
