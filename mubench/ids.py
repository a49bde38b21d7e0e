"""Content ids: a hash of everything that decides a result, and of nothing else."""

import ast
import hashlib
import io
import json
import tokenize
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mubench import plugins
from mubench.errors import InputError

SCIENCE = (
    "sources",
    "data",
    "models",
    "training",
    "methods",
    "metrics",
    "scenario",
    "seeds",
    "spaces",
)
"""What can change a number. Plumbing (store, records, errors, sweep) is left out of ids."""


def content_id(*parts: Any) -> str:
    """A 24-digit hex id of JSON-like parts; dictionaries count without their order.

    >>> content_id({"a": 1, "b": 2}) == content_id({"b": 2, "a": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def source_id(*modules: str) -> str:
    """The id of the source of `modules` and of all science that they import, directly or not.

    Comments and blank lines do not count. Imports are read from the source: nothing is run.
    """
    return content_id({name: _normalised(_source(name)) for name in sorted(closure(*modules))})


def closure(*modules: str) -> frozenset[str]:
    """`modules` and every module of the science packages that they import, transitively."""
    seen: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting.extend(_imports(module))
    return frozenset(seen)


@cache
def package_version(name: str) -> str:
    """The installed version of a package, without importing it."""
    return version(name)


def _imports(module: str) -> tuple[str, ...]:
    return tuple(name for name in _imported(_source(module)) if _counts(name))


@cache
def _imported(source: str) -> tuple[str, ...]:
    names: set[str] = set()
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise InputError(
            f"a plug-in cannot be parsed: {error.msg} in line {error.lineno}"
        ) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return tuple(sorted(names))


@cache
def _counts(name: str) -> bool:
    """Whether a name is a module whose source decides numbers: science, or a plug-in's package."""
    top, _, rest = name.partition(".")
    is_science = top == "mubench" and rest.split(".")[0] in SCIENCE
    return (is_science or top in plugins.packages()) and _path(name) is not None


@cache
def _path(module: str) -> Path | None:
    """Where a module's source lies; mubench's own packages hold no code and are not run."""
    root = Path(__file__).parent
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


def _source(module: str) -> str:
    given = plugins.module_text(module)
    if given is not None:
        return given
    path = _path(module)
    if path is None:
        raise ModuleNotFoundError(module)
    return _text(path)


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _normalised(source: str) -> str:
    lines = source.split("\n")  # as the tokenizer counts them
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"an id cannot hold {value!r}")
