"""Weights and per-example outputs: safetensors under a content id, with checksums; never pickle."""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from mubench.catalogue.phases import phase
from mubench.errors import IntegrityError, LeakError
from mubench.store.files import Files
from mubench.store.sealed import from_json, to_json

Arrays = Mapping[str, np.ndarray]
Manifest = dict[str, Any]
"""Sealed JSON: `about`, and the checksum and size of each part in `files`."""
MANIFESTS_HELD = 1000


class Artefacts:
    """Artefacts of steps, one folder per id; a manifest, written last, marks it complete."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._manifests: dict[str, Manifest] = {}

    @phase("store")
    def save(
        self, step_id: str, parts: Mapping[str, Arrays], about: Mapping[str, Any] | None = None
    ) -> None:
        """Store named groups of arrays (`weights`, `forget`, `retain`, ...) under an id.

        `about` is JSON-like: facts that scoring needs beside the arrays.
        """

        def save_part(part: str) -> dict[str, Any]:
            content = to_bytes({k: np.ascontiguousarray(v) for k, v in parts[part].items()})
            self._files.write(_name(step_id, part), content)
            return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}

        files = dict(zip(parts, self._files.overlapped(save_part, parts), strict=True))
        manifest = to_json({"about": dict(about or {}), "files": files})
        self._files.write(_manifest(step_id), manifest)
        self._keep(step_id, from_json(manifest, _manifest(step_id)))

    def has(self, step_id: str) -> bool:
        """Whether all files of an id were stored."""
        return self._files.exists(_manifest(step_id))

    def parts(self, step_id: str) -> frozenset[str]:
        """The names of the groups of arrays that were saved with an id."""
        manifest = self._manifests.get(step_id) or self._read_manifest(step_id)
        return frozenset(manifest["files"])

    def about(self, step_id: str) -> dict[str, Any]:
        """The `about` that was saved with an id."""
        manifest = self._manifests.get(step_id) or self._read_manifest(step_id)
        return dict(manifest["about"])

    @phase("store")
    def load(self, step_id: str, part: str) -> dict[str, np.ndarray]:
        """One group of arrays.

        Raises:
            IntegrityError: it is missing, cut short, or altered.
        """
        if step_id in self._manifests:
            with suppress(IntegrityError):  # damaged, or made again meanwhile
                return self._load(step_id, part, self._manifests[step_id])
        try:
            manifest = self._read_manifest(step_id)
        except FileNotFoundError as error:
            raise IntegrityError(f"{_name(step_id, part)}: missing") from error
        return self._load(step_id, part, manifest)

    def verify(self, step_id: str) -> str | None:
        """What is wrong with the files of an id; None if they are intact."""
        try:
            return self._damage(step_id)
        except FileNotFoundError:
            return f"{_manifest(step_id)}: missing"

    @phase("store")
    def has_whole(self, step_id: str) -> bool:
        """Whether all files of an id exist and are unaltered; damaged ones are deleted."""
        try:
            damage = self._damage(step_id)
        except FileNotFoundError:
            return False
        if damage is not None:
            self.discard(step_id)
        return damage is None

    def copy(self, step_id: str, target: "Artefacts") -> bool:
        """Copy all files of an id to another store if they are intact; return whether they were."""
        if self.verify(step_id) is not None:
            return False
        for part in self._manifests[step_id]["files"]:
            target._files.write(_name(step_id, part), self._files.read(_name(step_id, part)))
        target._files.write(_manifest(step_id), self._files.read(_manifest(step_id)))
        return True

    def ids(self) -> frozenset[str]:
        """All ids that have files, complete or not."""
        return frozenset(name.split("/")[1] for name in self._files.list("artefacts"))

    def discard(self, step_id: str) -> None:
        """Delete all files of an id, the manifest first."""
        self._manifests.pop(step_id, None)
        names = self._files.list(f"artefacts/{step_id}")
        self._files.delete(_manifest(step_id))
        self._files.delete(*(name for name in names if name != _manifest(step_id)))

    def _read_manifest(self, step_id: str) -> Manifest:
        """Raises FileNotFoundError, or IntegrityError where it is no manifest of mubench."""
        self._manifests.pop(step_id, None)
        where = _manifest(step_id)
        manifest = from_json(self._files.read(where), where)
        files = manifest.get("files")
        is_valid = isinstance(manifest.get("about"), dict) and isinstance(files, dict)
        if not is_valid or not all(map(_is_part, files or {})):
            raise IntegrityError(f"{where}: no manifest of artefacts")
        self._keep(step_id, manifest)
        return manifest

    def _keep(self, step_id: str, manifest: Manifest) -> None:
        """Keep what belongs to an id for the parts that are read next."""
        if len(self._manifests) >= MANIFESTS_HELD:
            self._manifests.clear()
        self._manifests[step_id] = manifest

    def _damage(self, step_id: str) -> str | None:
        """What is wrong with the files. Raises FileNotFoundError: there is no manifest."""
        try:
            manifest = self._read_manifest(step_id)
            parts = [*manifest["files"]]
            self._files.overlapped(lambda part: self._load(step_id, part, manifest), parts)
        except IntegrityError as error:
            return str(error)
        return None

    def _load(self, step_id: str, part: str, manifest: Manifest) -> dict[str, np.ndarray]:
        try:
            expected = manifest["files"][part]["sha256"]
            content = self._files.read(_name(step_id, part))
        except (FileNotFoundError, KeyError, TypeError) as error:
            raise IntegrityError(f"{_name(step_id, part)}: missing or unreadable") from error
        if hashlib.sha256(content).hexdigest() != expected:
            raise IntegrityError(f"{_name(step_id, part)}: does not match its checksum")
        try:
            return dict(from_bytes(content))
        except SafetensorError as error:
            raise IntegrityError(f"{_name(step_id, part)}: {error}") from error


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


def _is_part(name: str) -> bool:
    """Whether a manifest may name such a file: it lies in the folder of its id."""
    return re.fullmatch(r"[A-Za-z0-9_]+", name) is not None


def _name(step_id: str, part: str) -> str:
    return f"artefacts/{step_id}/{part}.safetensors"


def _manifest(step_id: str) -> str:
    return f"artefacts/{step_id}/manifest.json"
