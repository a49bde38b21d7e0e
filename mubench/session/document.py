"""The arguments of `mubench.benchmark` as a sweep file would say them."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from mubench.catalogue import cards, plugins
from mubench.catalogue.files import cache_root
from mubench.data.own.entry import OwnEntry, default_name
from mubench.data.own.objects import save_objects
from mubench.errors import InputError, did_you_mean
from mubench.sweep.grid_syntax import as_list
from mubench.sweep.spec import SweepSpec

_FROM_ARGUMENTS = {"name", "grid", "methods", "store"}
OBJECTS = "data"
"""What tables call data that came as objects."""


def document_of(
    data: Any,
    model: Any,
    methods: Any,
    forget: Any,
    name: str | None,
    keep: str | None,
    more: Mapping[str, Any],
) -> dict[str, Any]:
    """The mapping of a sweep file. Objects are written into the cache.

    Args:
        data: a path, a name with a card, an entry of `grid.dataset`, or objects.
        model: a name, an entry of `grid.model`, a function that `plugins` has, or a list of these.
        methods: a name, a list of names, or the mapping of a sweep file.
        forget: as `grid.forget`.
        name: of the sweep; without it that of the data.
        keep: as `store.keep`.
        more: other keys of a sweep file, and options of the data.

    Raises:
        InputError: in one line: what is wrong, and what may be given.
    """
    keys = SweepSpec.model_fields.keys() - _FROM_ARGUMENTS
    entry = _dataset(data)
    options = {key: value for key, value in more.items() if key not in keys}
    _require_known(options, entry, keys)
    node: dict[str, Any] = {
        "name": name or _name_of(entry),
        "grid": {
            "dataset": {**entry, **options},
            "model": [_model(each) for each in as_list(model)],
            "forget": forget,
        },
        "methods": _methods(methods),
        **{key: value for key, value in more.items() if key in keys},
    }
    return node if keep is None else {**node, "store": {"keep": keep}}


def _dataset(data: Any) -> dict[str, Any]:
    """An entry of `grid.dataset`: a mapping with `name`, `path` or `hub`."""
    if isinstance(data, Mapping) and {"path", "hub", "name"} & data.keys():
        return dict(data)
    if isinstance(data, str) and data in cards.names("datasets"):
        return {"name": data}
    if isinstance(data, str | PurePath):
        place = str(data)
        if "://" not in place and not Path(place).expanduser().exists():
            hint = did_you_mean(place, cards.names("datasets"))
            raise InputError(f"data: {place}: no such file or folder, and no data set; {hint}")
        return {"path": place}
    return {**save_objects(data, cache_root() / "objects"), "name": OBJECTS}


def _name_of(entry: Mapping[str, Any]) -> str:
    place = entry.get("path", entry.get("hub", ""))
    return str(entry.get("name") or default_name(str(place)) or OBJECTS)


def _require_known(options: Mapping[str, Any], entry: Mapping[str, Any], keys: set[str]) -> None:
    """Refuse a misspelt keyword, with the nearest key of a sweep or option of the data."""
    if {"path", "hub"} & entry.keys():
        known = OwnEntry.model_fields.keys() | cards.complete_card({})["options"].keys()
    else:
        known = set(cards.dataset(str(entry["name"])).options)
    for key in options:
        if key not in known:
            hint = did_you_mean(key, {*known, *keys})
            raise InputError(
                f"benchmark: {key}: no key of a sweep and no option of the data; {hint}"
            )


def _methods(methods: Any) -> Any:
    """Names alone have neither grids nor ranges of their own."""
    if isinstance(methods, str):
        return {methods: {}}
    if isinstance(methods, Sequence) and all(isinstance(each, str) for each in methods):
        return {each: {} for each in methods}
    return methods


def _model(model: Any) -> Any:
    """An entry of `grid.model`; a file that it names in a program is given, as by `--plugin`."""
    if isinstance(model, str):
        return model
    if not isinstance(model, Mapping):
        name = model.__name__
        return {"module": f"{name}:{name}", "name": name}
    if not isinstance(model.get("module"), str | PurePath):
        return dict(model)
    file, _, function = str(model["module"]).partition(":")
    path = Path(file if file.endswith(".py") else f"{file}.py")
    if path.is_file():
        plugins.add([plugins.read_code(str(path))])
    elif path.stem not in {plugin.name for plugin in plugins.added()}:
        raise InputError(f"model.module: {path}: no such file; write FILE.py:FUNCTION")
    return {**model, "module": f"{path.stem}:{function}"}
