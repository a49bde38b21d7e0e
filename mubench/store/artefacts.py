"""Weights and per-example outputs: safetensors under a content id, with checksums; never pickle."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from mubench.errors import IntegrityError, LeakError
from mubench.store.files import Files

Arrays = Mapping[str, np.ndarray]


class Artefacts:
    """Artefacts of steps, one folder per id; a manifest, written last, marks it complete."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def save(
        self, step_id: str, parts: Mapping[str, Arrays], about: Mapping[str, Any] | None = None
    ) -> None:
        """Store named groups of arrays (`weights`, `forget`, `retain`, ...) under an id.

        `about` is JSON-like: facts that scoring needs beside the arrays.
        """
        files = {}
        for part, arrays in parts.items():
            content = to_bytes({k: np.ascontiguousarray(v) for k, v in arrays.items()})
            self._files.write(_name(step_id, part), content)
            files[part] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        manifest = {"about": dict(about or {}), "files": files}
        self._files.write(_manifest(step_id), json.dumps(manifest, sort_keys=True).encode())

    def has(self, step_id: str) -> bool:
        """Whether all files of an id were stored."""
        return self._files.exists(_manifest(step_id))

    def about(self, step_id: str) -> dict[str, Any]:
        """The `about` that was saved with an id."""
        return dict(json.loads(self._files.read(_manifest(step_id)))["about"])

    def load(self, step_id: str, part: str) -> dict[str, np.ndarray]:
        """One group of arrays.

        Raises:
            IntegrityError: it is missing, cut short, or altered.
        """
        try:
            expected = json.loads(self._files.read(_manifest(step_id)))["files"][part]
            content = self._files.read(_name(step_id, part))
        except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"{_name(step_id, part)}: missing or unreadable") from error
        if hashlib.sha256(content).hexdigest() != expected["sha256"]:
            raise IntegrityError(f"{_name(step_id, part)}: does not match its checksum")
        try:
            return dict(from_bytes(content))
        except SafetensorError as error:
            raise IntegrityError(f"{_name(step_id, part)}: {error}") from error

    def verify(self, step_id: str) -> str | None:
        """What is wrong with the files of an id; None if they are intact."""
        try:
            for part in json.loads(self._files.read(_manifest(step_id)))["files"]:
                self.load(step_id, part)
        except FileNotFoundError:
            return f"{_manifest(step_id)}: missing"
        except IntegrityError as error:
            return str(error)
        except (ValueError, KeyError, TypeError):
            return f"{_manifest(step_id)}: unreadable"
        return None

    def has_whole(self, step_id: str) -> bool:
        """Whether all files of an id exist and are unaltered; damaged ones are deleted."""
        if not self.has(step_id):
            return False
        if self.verify(step_id) is None:
            return True
        self.discard(step_id)
        return False

    def copy(self, step_id: str, target: "Artefacts") -> bool:
        """Copy all files of an id to another store if they are intact; return whether they were."""
        if self.verify(step_id) is not None:
            return False
        parts = json.loads(self._files.read(_manifest(step_id)))["files"]
        for name in (*(_name(step_id, part) for part in parts), _manifest(step_id)):
            target._files.write(name, self._files.read(name))
        return True

    def ids(self) -> frozenset[str]:
        """All ids that have files, complete or not."""
        return frozenset(name.split("/")[1] for name in self._files.list("artefacts"))

    def discard(self, step_id: str) -> None:
        """Delete all files of an id, the manifest first."""
        self._files.delete(_manifest(step_id))
        for name in self._files.list(f"artefacts/{step_id}"):
            self._files.delete(name)


class View:
    """Read access of one step: the artefacts it depends on, and only the splits of its purpose.

    The view of a search step has no test outputs and no final request: reading them fails instead
    of leaking.
    """

    def __init__(self, artefacts: Artefacts, ids: frozenset[str], parts: frozenset[str]) -> None:
        self._artefacts = artefacts
        self._ids = ids
        self._parts = parts

    def load(self, step_id: str, part: str) -> dict[str, np.ndarray]:
        """One group of arrays.

        Raises:
            LeakError: this step may not read it.
            IntegrityError: it is damaged.
        """
        if step_id not in self._ids:
            raise LeakError(f"this step does not depend on {step_id} and may not read it")
        if part not in self._parts:
            raise LeakError(f"this step may not read '{part}'; it sees {sorted(self._parts)}")
        return self._artefacts.load(step_id, part)


def _name(step_id: str, part: str) -> str:
    return f"artefacts/{step_id}/{part}.safetensors"


def _manifest(step_id: str) -> str:
    return f"artefacts/{step_id}/manifest.json"
