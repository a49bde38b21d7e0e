"""Read, parse and check a sweep file. All bad input ends here, in one line each."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mubench.catalogue import cards
from mubench.catalogue.validation import first_error
from mubench.catalogue.yaml_document import Document, read_text, read_yaml
from mubench.catalogue.yaml_text import to_yaml
from mubench.data.forget_file import embed
from mubench.errors import InputError, did_you_mean
from mubench.sweep.checks import check
from mubench.sweep.published import SUFFIX, read_published
from mubench.sweep.spec import SweepSpec


@dataclass(frozen=True)
class LoadedSweep:
    """A valid sweep and the text that it came from."""

    spec: SweepSpec
    text: str
    path: Path
    document: Mapping[str, Any]
    """The file with its overrides, absolute paths, published numbers and forget sets: `parse` takes
    it."""


def find(name: str) -> Path:
    """A sweep file by path, or by name among those that ship.

    Raises:
        InputError: the file does not exist.
    """
    path = Path(name)
    if "/" in name and os.path.isfile(path):
        return path
    if path.suffix in (".yaml", ".yml"):
        if not os.path.isfile(path):
            raise InputError(f"{name}: no such sweep file")
        return path
    known = shipped_sweeps()
    shipped = name if name in known else f"paper/{name}"
    if shipped not in known:
        raise InputError(f"{name}: no such sweep; {did_you_mean(name, known)}")
    return cards.search_spaces() / f"{shipped}.yaml"


def shipped_sweeps() -> list[str]:
    """Names of the sweeps that ship with the package: `quickstart`, `paper/cifar100_class`."""
    folder = cards.search_spaces()
    paths = [path for part in _SWEEPS for path in (folder / part).glob("*.yaml")]
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix()
        for path in paths
        if not path.name.endswith(SUFFIX)
    )


_SWEEPS = (".", "paper")
"""Folders of `search_spaces` that hold sweeps."""


def about(name: str) -> tuple[str, str]:
    """Name and description of a sweep, read without its cards and data."""
    path = find(name)
    node = read_yaml(read_text(path), str(path))
    return str(node["name"]), str(node.get("description", ""))


def load(name: str, overrides: Iterable[str] = ()) -> LoadedSweep:
    """Read and validate a sweep file; `overrides` are `key.path=value` in YAML.

    Raises:
        InputError: one line: file, line and column, key path, what is wrong, the nearest name.
    """
    path = find(name)
    text = read_text(path)
    document = Document(text, str(path))
    node = document.mapping(_SHAPE)
    _anchor(node.get("grid"), path.parent)
    for assignment in overrides:
        document.set(assignment)
    if "published" in node:
        node["published"] = read_published(node["published"], path)
    try:
        spec = _parse(node)
    except InputError as error:
        raise document.error(str(error)) from None
    return _loaded(spec, text, path, node)


def load_mapping(node: Mapping[str, Any], where: str) -> LoadedSweep:
    """The same of a sweep that a program made: what its file would say, and its text.

    Relative paths are of the working folder; the text has them absolute. Arrays' numbers, tuples
    and paths are written as YAML has them.

    Raises:
        InputError: one line: `where`, key path, what is wrong, the nearest name.
    """
    written = Document(to_yaml(node, where), where).mapping(_SHAPE)
    _anchor(written.get("grid"), Path())
    if "published" in written:
        written["published"] = _absolute(written["published"], Path())
    text, path = to_yaml(written, where), Path(f"{where}.yaml")
    if "published" in written:
        written["published"] = read_published(written["published"], path)
    return _loaded(parse(written, where), text, path, written)


def _loaded(spec: SweepSpec, text: str, path: Path, node: dict[str, Any]) -> LoadedSweep:
    for entry in _entries(node["grid"]["forget"]):
        entry.update({key: embed(entry[key]) for key in _FORGET_FILES if key in entry})
    return LoadedSweep(spec, text, path, node)


_SHAPE = "a sweep file is a mapping with name, grid and methods"
_FORGET_FILES = ("search_files", "final_files")


def _anchor(grid: Any, folder: Path) -> None:
    """Paths in a sweep file are relative to it: make them absolute, for workers elsewhere."""
    if not isinstance(grid, dict):
        return
    models = _entries(grid.get("model"))
    tokens = [entry["tokens"] for entry in models if isinstance(entry.get("tokens"), dict)]
    data = _entries(grid.get("dataset"))
    for entry in (*models, *tokens, *data):
        for key in (
            "source",
            "weights",
            "transformers",
            "hub",
        ):  # a name on a hub looks like a path
            if isinstance(entry.get(key), str) and os.path.exists(folder / entry[key]):
                entry[key] = _absolute(entry[key], folder)
    for entry in (*data, *_entries(grid.get("forget"))):
        for key in ("path", *_FORGET_FILES):
            if isinstance(entry.get(key), str):
                entry[key] = _absolute(entry[key], folder)
            elif isinstance(entry.get(key), list):
                entry[key] = [_absolute(p, folder) for p in entry[key]]


def _entries(axis: Any) -> list[dict[str, Any]]:
    return [node for node in (axis if isinstance(axis, list) else [axis]) if isinstance(node, dict)]


def _absolute(path: Any, folder: Path) -> Any:
    if not isinstance(path, str) or "://" in path:
        return path
    return str((folder / os.path.expanduser(path)).absolute())


def parse(node: Mapping[str, Any], where: str) -> SweepSpec:
    """Validate a sweep given as a mapping; `where` begins every error."""
    try:
        return _parse(node)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _parse(node: Mapping[str, Any]) -> SweepSpec:
    """The same; an error begins with a key path."""
    try:
        spec = SweepSpec.model_validate(node)
    except ValidationError as error:
        raise InputError(first_error(error)) from None
    check(spec)
    return spec
