"""Methods, data sets, models and metrics from outside of the package.

A plug-in is a Python file with its card (YAML) of the same name beside it. An installed package
names its modules as entry points in the groups `mubench.methods`, `mubench.datasets`,
`mubench.models` and `mubench.metrics`; a plain file is given with `--plugin`, and its text travels
to every worker. Reading a plug-in imports none of its code.
"""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Literal, get_args

from typing_extensions import override

from mubench.catalogue.yaml_document import Document
from mubench.errors import InputError, did_you_mean

PluginKind = Literal["methods", "datasets", "models", "metrics"]
PLUGIN_KINDS: tuple[PluginKind, ...] = get_args(PluginKind)
PREFIX = "mubench_plugin_"
SHAPE = "a card is a mapping with name, title, ..."


@dataclass(frozen=True)
class Plugin:
    """One plug-in: everything that another machine needs to use it."""

    kind: PluginKind
    name: str
    module: str
    """Under which it is imported."""
    source: str
    """The text of its Python file."""
    card: str
    """The text of its card."""
    where: str
    """Its file, for messages."""


_added: dict[tuple[PluginKind, str], Plugin] = {}


def read_plugin(path: str) -> Plugin:
    """The plug-in in a Python file and the card beside it; `kind:` in the card says what it is.

    Raises:
        InputError: one of the two is missing, unreadable or names something else.
    """
    file = Path(path)
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise InputError(f"{path}: a plug-in is a Python file whose name can be imported")
    card = _text(file.with_suffix(".yaml"), "the card of a plug-in lies beside it")
    document = Document(card, str(file.with_suffix(".yaml")))
    kind = document.mapping(SHAPE).get("kind", "methods")
    if kind not in PLUGIN_KINDS:
        raise document.error(f"kind: '{kind}' is unknown; {did_you_mean(str(kind), PLUGIN_KINDS)}")
    source = _text(file, "no such plug-in")
    return Plugin(kind, file.stem, PREFIX + file.stem, source, card, path)


def add(plugins: Iterable[Plugin]) -> None:
    """Make plug-ins known to this process: their cards are found, their modules importable."""
    if _finder not in sys.meta_path:
        sys.meta_path.append(_finder)
    for plugin in plugins:
        known = _added.get((plugin.kind, plugin.name))
        if known != plugin:
            sys.modules.pop(plugin.module, None)
        _added[plugin.kind, plugin.name] = plugin


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
    """The source of a plug-in's module; None where the module was not given with `--plugin`."""
    return next((p.source for p in _added.values() if p.module == module), None)


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


class _Loader(InspectLoader):
    """Imports a plug-in from its text, so that a worker needs no file."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    @override
    def get_source(self, fullname: str) -> str:
        return self._plugin.source

    @override
    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._plugin.source, self._plugin.where, "exec"), module.__dict__)


class _Finder(MetaPathFinder):
    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        plugin = next((p for p in _added.values() if p.module == fullname), None)
        if plugin is None:
            return None
        return spec_from_loader(fullname, _Loader(plugin), origin=plugin.where)


_finder = _Finder()
