"""Methods, data sets, models and metrics from outside of the package.

A plug-in is a Python file with its card (YAML) of the same name beside it. An installed package
names its modules as entry points in the groups `mubench.methods`, `mubench.datasets`,
`mubench.models` and `mubench.metrics`; a plain file is given with `--plugin`, and its text travels
to every worker, with the files beside it that it imports. Reading a plug-in imports none of its
code. A file without a card is code that a sweep may use by `module: FILE:FUNCTION`.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

from typing_extensions import override

from mubench.catalogue.neighbours import Neighbour, TextLoader, neighbours_of
from mubench.catalogue.yaml_document import Document
from mubench.errors import InputError, did_you_mean

PluginKind = Literal["methods", "datasets", "models", "metrics"]
PLUGIN_KINDS: tuple[PluginKind, ...] = get_args(PluginKind)
AddedKind = PluginKind | Literal["code"]
PREFIX = "mubench_plugin_"
SHAPE = "a card is a mapping with name, title, ..."


@dataclass(frozen=True)
class Plugin:
    """One plug-in: everything that another machine needs to use it."""

    kind: AddedKind
    name: str
    module: str
    """Under which it is imported."""
    source: str
    """The text of its Python file."""
    card: str
    """The text of its card; empty where it is only code."""
    where: str
    """Its file, for messages."""
    neighbours: tuple[Neighbour, ...] = ()
    """The files beside it that it imports."""


_added: dict[tuple[AddedKind, str], Plugin] = {}


def read_plugin(path: str) -> Plugin:
    """The plug-in in a Python file and the card beside it; `kind:` in the card says what it is.

    Raises:
        InputError: one of the two is missing, unreadable or names something else.
    """
    file = _python_file(path)
    card = _text(file.with_suffix(".yaml"), "the card of a plug-in lies beside it")
    document = Document(card, str(file.with_suffix(".yaml")))
    kind = document.mapping(SHAPE).get("kind", "methods")
    if kind not in PLUGIN_KINDS:
        raise document.error(f"kind: '{kind}' is unknown; {did_you_mean(str(kind), PLUGIN_KINDS)}")
    return _of_file(kind, file, path, card)


def read_code(path: str) -> Plugin:
    """The plug-in in a Python file, or its code alone where no card lies beside it.

    Raises:
        InputError: as `read_plugin` does.
    """
    file = _python_file(path)
    if file.with_suffix(".yaml").exists():
        return read_plugin(path)
    return _of_file("code", file, path, "")


def _python_file(path: str) -> Path:
    file = Path(path)
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise InputError(f"{path}: a plug-in is a Python file whose name can be imported")
    return file


def _of_file(kind: AddedKind, file: Path, path: str, card: str) -> Plugin:
    source = _text(file, "no such plug-in")
    around = neighbours_of(file, source)
    return Plugin(kind, file.stem, PREFIX + file.stem, source, card, path, around)


def add(plugins: Iterable[Plugin]) -> None:
    """Make plug-ins known to this process: their cards are found, their modules importable.

    Raises:
        InputError: two of them bring different modules of one name.
    """
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)  # before files of the same name on another machine
    for plugin in plugins:
        known = _added.get((plugin.kind, plugin.name))
        if known != plugin:
            for module in (plugin.module, *(each.module for each in plugin.neighbours)):
                sys.modules.pop(module, None)
        _added[plugin.kind, plugin.name] = plugin
    _require_one_of_each_name()


def _require_one_of_each_name() -> None:
    seen: dict[str, Neighbour] = {}
    for each in (neighbour for plugin in _added.values() for neighbour in plugin.neighbours):
        other = seen.setdefault(each.module, each)
        if other.source != each.source:
            raise InputError(
                f"{each.where} and {other.where}: two plug-ins bring different modules "
                f"'{each.module}'; rename one"
            )


def added() -> tuple[Plugin, ...]:
    """The plug-ins given to `add`, which workers need too."""
    return tuple(_added.values())


def names(kind: PluginKind) -> list[str]:
    """The names of all plug-ins of a kind, sorted."""
    added_names = (name for kind_of_plugin, name in _added if kind_of_plugin == kind)
    return sorted({*added_names, *_entry_points(kind)})


def find_plugin(kind: PluginKind, name: str) -> Plugin | None:
    """The plug-in of this name, or None. One given with `--plugin` precedes an installed one.

    Raises:
        InputError: an installed package names a module or card that is not there.
    """
    if (kind, name) in _added:
        return _added[kind, name]
    entry = _entry_points(kind).get(name)
    return None if entry is None else _installed(kind, entry)


def module_text(module: str) -> str | None:
    """The source of a module that came with `--plugin`: a plug-in, or a file beside one."""
    given = _given(module)
    return None if given is None else given.source


def is_package(module: str) -> bool:
    """Whether a module beside a plug-in is a folder."""
    given = _given(module)
    return isinstance(given, Neighbour) and given.is_package


def _given(module: str) -> Plugin | Neighbour | None:
    for plugin in _added.values():
        given: tuple[Plugin | Neighbour, ...] = (plugin, *plugin.neighbours)
        for each in given:
            if each.module == module:
                return each
    return None


@cache
def packages() -> frozenset[str]:
    """Top-level packages of installed plug-ins: their source is part of content ids."""
    entries = (entry for kind in PLUGIN_KINDS for entry in _entry_points(kind).values())
    return frozenset(entry.module.partition(".")[0] for entry in entries)


@cache
def _entry_points(kind: PluginKind) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"mubench.{kind}")}


@cache
def _installed(kind: PluginKind, entry: EntryPoint) -> Plugin:
    where = f"entry point mubench.{kind}: {entry.name} = {entry.value}"
    try:
        spec = find_spec(entry.module)
    except ModuleNotFoundError:
        spec = None
    except Exception as error:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(f"{where}: its package cannot be imported: {text}") from error
    if spec is None or spec.origin is None:
        raise InputError(f"{where}: there is no such module")
    file = Path(spec.origin)
    card = _text(file.with_name(f"{entry.name}.yaml"), f"{where}: its card lies beside its module")
    Document(card, str(file.with_name(f"{entry.name}.yaml"))).mapping(SHAPE)
    source = _text(file, "no such module")
    return Plugin(kind, entry.name, entry.module, source, card, str(file))


def _text(file: Path, what: str) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InputError(f"{file}: {what}; {reason}") from None


class _Loader(TextLoader):
    """Imports a module from its text, so that a worker needs no file."""

    def __init__(self, given: Plugin | Neighbour) -> None:
        self._given = given

    @override
    def get_source(self, fullname: str) -> str:
        return self._given.source

    @override
    def is_package(self, fullname: str) -> bool:
        return isinstance(self._given, Neighbour) and self._given.is_package

    @override
    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._given.source, self._given.where, "exec"), module.__dict__)


class _Finder(MetaPathFinder):
    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        given = _given(fullname)
        if given is None:
            return None
        return spec_from_loader(fullname, _Loader(given), origin=given.where)


_finder = _Finder()
