"""States of trainings that are under way: one safetensors file each, with a checksum."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes

from mubench.errors import IntegrityError
from mubench.store.artefacts import Arrays
from mubench.store.files import Files
from mubench.store.sealed import BLANK, KEY, check_seal, sealed

FORMAT = 1
_FOLDER = "checkpoints"


class Checkpoint(NamedTuple):
    """The state of a training, and JSON-like facts about it."""

    arrays: dict[str, np.ndarray]
    about: dict[str, Any]


class Checkpoints:
    """One checkpoint for each training, by the id of its outputs.

    Its file is replaced as a whole, so that whoever is killed while writing leaves the one before.
    """

    def __init__(self, files: Files) -> None:
        self._files = files

    def save(self, step_id: str, arrays: Arrays, about: Mapping[str, Any]) -> None:
        """Keep a state in place of the one before. Raises StoreError."""
        arrays = {name: np.asarray(array, order="C") for name, array in arrays.items()}
        text = json.dumps({"format": FORMAT, **about}, sort_keys=True)
        content = to_bytes(arrays, {KEY: BLANK, "about": text})
        self._files.write(_name(step_id), sealed(content))

    def load(self, step_id: str) -> Checkpoint | None:
        """The state that was saved last, if there is one.

        Raises:
            IntegrityError: it is cut short, altered, or of another format.
        """
        try:
            content = self._files.read(_name(step_id))
        except FileNotFoundError:
            return None
        check_seal(content, _name(step_id))
        try:
            arrays, about = dict(from_bytes(content)), dict(json.loads(_metadata(content)["about"]))
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise IntegrityError(f"{_name(step_id)}: unreadable") from error
        if about.pop("format", None) != FORMAT:
            raise IntegrityError(f"{_name(step_id)}: of another version of mubench")
        return Checkpoint(arrays, about)

    def ids(self) -> frozenset[str]:
        """The ids of all trainings that have files here, complete or not."""
        return frozenset(name.split("/")[1] for name in self._files.list(_FOLDER))

    def discard(self, step_id: str) -> None:
        """Delete what there is of a training, also what a killed process has half written."""
        self._files.delete(*self._files.list(f"{_FOLDER}/{step_id}"))


def _name(step_id: str) -> str:
    return f"{_FOLDER}/{step_id}/state.safetensors"


def _metadata(content: bytes) -> dict[str, str]:
    """The texts in the header of a safetensors file, which its loader leaves out."""
    size = int.from_bytes(content[:8], "little")
    return dict(json.loads(content[8 : 8 + size])["__metadata__"])
