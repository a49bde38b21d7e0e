"""Data sets of the Hugging Face hub, through its library `datasets`: fetched once, as Parquet."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mubench.data.cache.cache import Facts, cached
from mubench.data.own.entry import OwnEntry
from mubench.data.tables.layout import split_word
from mubench.data.tables.place import first_line
from mubench.errors import DataError, InputError


def fetched(entry: OwnEntry) -> Path:
    """A folder with a Parquet file for each split; code of a data set is never run.

    Raises:
        InputError: the library is missing.
        DataError: there is no such data set, or the hub does not answer.
    """
    asked = [entry.hub, entry.config, entry.revision]

    def build(folder: Path) -> Facts:
        whole = _loaded(entry)
        known = {name: part for name, part in whole.items() if split_word(name)}
        for name, part in (known or whole).items():
            part.to_parquet(str(folder / f"{name}.parquet"))
        return {"splits": list(known or whole)}

    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
    folder, _ = cached(f"hub-{key}", build)
    return folder


def _loaded(entry: OwnEntry) -> dict[str, Any]:
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            f"dataset.hub: {entry.hub}: needs the package datasets: pip install 'mubench[hf]'"
        ) from error
    try:
        whole = datasets.load_dataset(entry.hub, entry.config, revision=entry.revision)
    except Exception as error:  # of the library, of its network, of its formats
        raise DataError(
            f"{entry.hub}: cannot be fetched ({first_line(error)}); see that the name is right and "
            "the hub can be reached, or give a folder: path: FOLDER"
        ) from error
    return dict(whole)
