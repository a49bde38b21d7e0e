"""Content ids: a hash of everything that decides a result, and of nothing else."""

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from mubench.catalogue import plugins
from mubench.catalogue.definitions import (
    WHOLE,
    Definition,
    Imported,
    Meaning,
    Module,
    bases_of,
    parse,
    tokens_of,
)
from mubench.catalogue.kept_ids import KeptIds, state_of

SCIENCE = (
    "data",
    "models",
    "methods",
    "evidence",
    "metrics",
    "catalogue.seeds",
    "catalogue.ranges",
    "catalogue.search_space",
)
"""What can change a number. Plumbing (store, records, errors, sweep) is left out of ids."""


def content_id(*parts: Any) -> str:
    """A 24-digit hex id of JSON-like parts; dictionaries count without their order.

    >>> content_id({"a": 1, "b": 2}) == content_id({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def source_id(*roots: str) -> str:
    """The id of what code does: of some definitions, and of all science that they use.

    `roots` are written `module:name`. Names of modules, functions and classes, docstrings,
    comments and messages of errors do not count, and neither does where a definition stands.

    Raises:
        InputError: a module cannot be parsed, or does not define the name.
        ModuleNotFoundError: there is no such module.
    """
    return content_id(sorted(_digest(root, plugins.added()) for root in roots))


def closure(*roots: str) -> list[Definition]:
    """Some definitions and all that they use of the science packages, in the order of their use."""
    order: dict[Definition, None] = {}
    waiting = [Definition(*root.split(":")) for root in reversed(roots)]
    while waiting:
        definition = waiting.pop()
        if definition not in order:
            order[definition] = None
            waiting += reversed(_read_definition(definition).uses)
    return list(order)


def classes_deriving(module: str, base: str) -> list[str]:
    """The public classes of a module that derive from one called `base`, as roots of ids."""
    names = _parsed(module, _source(module)).statements
    public = [name for name in names if not name.startswith("_")]
    return [f"{module}:{name}" for name in public if _derives(Definition(module, name), base)]


def _derives(definition: Definition, base: str) -> bool:
    module = _parsed(definition.module, _source(definition.module))
    bases = bases_of(module, definition.name, _resolve)
    known = [each for each in bases if isinstance(each, Definition)]
    return any(each.name == base or _derives(each, base) for each in known)


def content_of(value: str) -> str:
    """The hash of the files of a local folder, or of a file; else the value, a name on a hub."""
    path = Path(os.path.expanduser(value))
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    if not path.exists():
        return value
    sums = [(file.name, _sha256(file, file.stat().st_mtime_ns)) for file in files if file.is_file()]
    return hashlib.sha256(repr(sums).encode()).hexdigest()


@cache
def package_version(name: str) -> str:
    """The installed version of a package, without importing it."""
    return version(name)


@cache
def _digest(root: str, known: tuple[plugins.Plugin, ...]) -> str:
    """The id of a definition; kept for the next process where no plug-in has a part in it."""
    if known or plugins.packages() or not root.startswith("mubench."):
        return _read_digest(root)
    return _kept().get(root, _read_digest)


@cache
def _kept() -> KeptIds:
    return KeptIds(state_of(Path(__file__).parents[1]))


def _read_digest(root: str) -> str:
    """Read a definition's source: those that it uses are numbered in the order of their use."""
    number = {definition: index for index, definition in enumerate(closure(root))}
    read = [_read_definition(definition) for definition in number]
    return content_id([(each.text, [number[used] for used in each.uses]) for each in read])


class _Content(NamedTuple):
    """A definition as it is written."""

    text: str
    """The hash of its own text, with a gap for each definition that it uses."""
    uses: tuple[Definition, ...]
    """The definitions that it uses, in order."""


def _read_definition(definition: Definition) -> _Content:
    return _read_in(definition, _source(definition.module))


@cache
def _read_in(definition: Definition, source: str) -> _Content:
    tokens = tokens_of(_parsed(definition.module, source), definition.name, _resolve)
    text = content_id([token if isinstance(token, str) else 0 for token in tokens])
    return _Content(text, tuple(token for token in tokens if isinstance(token, Definition)))


@cache
def _parsed(module: str, source: str) -> Module:
    path = None if plugins.module_text(module) is not None else _path(module)
    is_package = plugins.is_package(module) or (path is not None and path.name == "__init__.py")
    return parse(source, module, is_package=is_package)


def _resolve(imported: Imported) -> Meaning:
    """What an import means: a module, a definition, or a text where it leads to no science."""
    module, name = imported.module, imported.name
    if name is None:
        return imported if _has_source(module) else module
    if _has_source(f"{module}.{name}"):
        return Imported(f"{module}.{name}")
    if not _is_science(module) and plugins.module_text(module) is None:
        return name if module.partition(".")[0] == "mubench" else f"{module}.{name}"
    parsed = _parsed(module, _source(module))
    if name in parsed.statements:
        return Definition(module, name)
    if name in parsed.imports:
        return _resolve(parsed.imports[name])
    return Definition(module, WHOLE)


@cache
def _is_science(module: str) -> bool:
    """Whether what a module defines decides numbers: science, and whatever a plug-in brings."""
    top, _, inner = module.partition(".")
    if top == "mubench":
        return any(f"{inner}.".startswith(f"{part}.") for part in SCIENCE)
    return top.startswith(plugins.PREFIX) or top in plugins.packages()


def _has_source(module: str) -> bool:
    """Whether this is a module of mubench or of a plug-in."""
    if plugins.module_text(module) is not None:
        return True
    top = module.partition(".")[0]
    return (top == "mubench" or _is_science(top)) and _path(module) is not None


def _source(module: str) -> str:
    text = plugins.module_text(module)
    if text is not None:
        return text
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(module)
    return _read(path)


@cache
def _path(module: str) -> Path | None:
    """Where a module's source lies; mubench's own packages hold no code and are not run."""
    root = Path(__file__).parents[1]
    parts = module.split(".")
    if parts[0] == "mubench":
        base = root.joinpath(*parts[1:])
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate
        return None
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # a name in a module is none
        return None
    return Path(spec.origin) if spec is not None and spec.origin else None


@cache
def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _sha256(file: Path, changed: int) -> str:
    del changed  # part of the cache's key
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"an id cannot hold {value!r}")
