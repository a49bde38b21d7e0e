"""The card of a person's data, described once for each state of their files."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mubench.catalogue.ids import source_id
from mubench.data.cache.cache import cached
from mubench.data.own.entry import OwnEntry
from mubench.data.own.source import describe, files_of, place_of


def declare(entry: OwnEntry, name: str) -> dict[str, Any]:
    """A card without the keys that all such cards share; labels are read where files are new.

    Raises:
        DataError: in one line: what was found where, and how to go on.
        InputError: a package is missing.
    """
    place = place_of(entry)
    code = source_id("mubench.data.own.source:describe")
    about = [code, entry.uri, dict(entry.facts), name, files_of(place)]
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]

    def build(folder: Path) -> Mapping[str, Any]:
        del folder
        return describe(place, entry, name)

    _, card = cached(f"{name}-card-{key}", build)
    return dict(card)
