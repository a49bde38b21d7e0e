"""Find the source of a data set whose files are present."""

import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, cast

from mubench.data.sources.raw import InFiles
from mubench.errors import DataError


class Place(NamedTuple):
    """A source and the folder in which it found its files."""

    source: InFiles
    folder: Path


def is_in_files(card: Mapping[str, Any]) -> bool:
    """Whether the data lie in files that mubench reads, rather than in a package or a plug-in."""
    return hasattr(import_module(card["modules"][0]), "is_here")


def locate(card: Mapping[str, Any], data_dir: str | Path | None) -> Place:
    """The first source of the card whose files are in the data set's folder.

    That is `<data_dir>/<folder>`; without `data_dir`, below the environment's MUBENCH_DATA.

    Raises:
        DataError: there is no such folder, or no source knows the files in it.
    """
    sources = sources_of(card)
    if "uri" in card:
        return Place(sources[0], Path())
    folder = folder_of(card, data_dir)
    source = next((each for each in sources if each.is_here(card, folder)), None)
    if source is None:
        problem = "none of its files in it" if folder.is_dir() else "no such folder"
        raise DataError(f"{folder}: {problem}; put there {wanted(card)}, or give another --data")
    return Place(source, folder)


def sources_of(card: Mapping[str, Any]) -> list[InFiles]:
    """The modules of a data set in files, in the order in which they are tried."""
    return [cast("InFiles", import_module(module)) for module in card["modules"]]


def folder_of(card: Mapping[str, Any], data_dir: str | Path | None) -> Path:
    """Where the files of a data set belong. Raises DataError where no folder of data is given."""
    root = data_dir or os.environ.get("MUBENCH_DATA")
    name = card.get("folder", card["name"])
    if not root:
        raise DataError(
            f"dataset {card['name']}: give --data or set MUBENCH_DATA: the folder in which {name}/ "
            f"has {wanted(card)}"
        )
    return Path(root, name)


def wanted(card: Mapping[str, Any]) -> str:
    """The files that the folder must have, in words."""
    return ", or ".join(source.WANTED for source in sources_of(card))
