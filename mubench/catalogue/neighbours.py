"""Files beside a plug-in that it imports: they travel with it and count in ids as it does."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.abc import InspectLoader
from importlib.util import find_spec
from pathlib import Path

from mubench.errors import InputError

_MOST = 200
"""Files: more are a package to install."""


@dataclass(frozen=True)
class Neighbour:
    """A module beside a plug-in."""

    module: str
    source: str
    where: str
    """Its file, for messages."""
    is_package: bool = False


class TextLoader(InspectLoader):
    """Loads modules that came as text; what it loaded is not installed."""


def neighbours_of(file: Path, source: str) -> tuple[Neighbour, ...]:
    """The modules beside a Python file that it imports, and those that these import.

    A file `NAME.py` goes alone, a folder `NAME/__init__.py` with all Python files below it. Nothing
    is imported or run.

    Raises:
        InputError: one cannot be read, there are too many, or a package of the name is installed.
    """
    found: dict[str, Neighbour] = {}
    waiting, seen = [source], set(sys.stdlib_module_names)
    while waiting:
        for name in _imported(waiting.pop()):
            if name in seen:
                continue
            seen.add(name)
            beside = list(_beside(file.parent, name))
            if beside:
                _require_only(name, beside[0], file)
            found |= {each.module: each for each in beside}
            waiting += [each.source for each in beside]
            if len(found) > _MOST:
                raise InputError(f"{file}: imports more than {_MOST} files; install them")
    return tuple(found.values())


def _imported(source: str) -> Iterator[str]:
    """The first parts of the names of modules that a text imports, wherever the import stands."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # told where its code is read
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _beside(folder: Path, name: str) -> Iterator[Neighbour]:
    package = folder / name
    if (package / "__init__.py").is_file():
        for file in sorted(package.rglob("*.py"), key=lambda path: (len(path.parts), path)):
            parts = file.relative_to(folder).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            module = ".".join(parts[:-1] if is_package else parts)
            yield Neighbour(module, _text(file), str(file), is_package)
    elif package.with_suffix(".py").is_file():
        file = package.with_suffix(".py")
        yield Neighbour(name, _text(file), str(file))


def _require_only(name: str, neighbour: Neighbour, file: Path) -> None:
    """Refuse a name that means another module too: it would depend on the machine which one."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # broken, or without a spec
        return
    if spec is None or spec.origin is None or isinstance(spec.loader, TextLoader):
        return
    if Path(spec.origin).absolute() != Path(neighbour.where).absolute():
        raise InputError(
            f"{file}: imports '{name}', which lies beside it and is installed too "
            f"({spec.origin}); rename {neighbour.where}"
        )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"{file}: cannot be read: {reason}") from None
