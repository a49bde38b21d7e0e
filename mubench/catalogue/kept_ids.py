"""Ids of mubench's own code, kept between processes: reading all science takes half a second.

One file in the cache, for the source text that is here now; another text makes it anew. A file
that cannot be read or written is as none.
"""

import hashlib
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from mubench.catalogue.files import cache_root

_NAME = "source_ids.json"


class KeptIds:
    """Ids by root, for one state of the source."""

    def __init__(self, state: str) -> None:
        self._state = state
        self._ids = dict(_read(state))

    def get(self, root: str, make: Callable[[str], str]) -> str:
        """The id of a root, made and kept if it is not known."""
        if root not in self._ids:
            self._ids[root] = make(root)
            with suppress(OSError):
                _write({"state": self._state, "ids": self._ids})
        return self._ids[root]


def state_of(folder: Path) -> str:
    """A hash of the text and place of every Python file below a folder, and of this Python."""
    found = hashlib.sha256(sys.version.encode())  # versions parse into other trees
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        found.update(f"{path.relative_to(folder)} {len(content)} ".encode())
        found.update(content)
    return found.hexdigest()


def _read(state: str) -> Mapping[str, str]:
    try:
        kept = json.loads((cache_root() / _NAME).read_bytes())
        return dict(kept["ids"]) if kept["state"] == state else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write(kept: Mapping[str, object]) -> None:
    """Replace the file at once; a lost one costs half a second, so that no disk is waited for."""
    path = cache_root() / _NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{_NAME}.{secrets.token_hex(8)}.tmp")
    try:
        temporary.write_text(json.dumps(kept))
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
