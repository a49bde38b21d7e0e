"""How a sweep file may write data sets, models and forget scenarios: short forms and lists."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mubench.catalogue import cards
from mubench.catalogue.validation import first_error, in_order, input_error
from mubench.data import forget_file
from mubench.data.own.entry import NAME, OwnEntry, default_name
from mubench.errors import DataError, did_you_mean

Named = tuple[int | str, ...]
"""Classes or groups that are forgotten together, by number or by name."""


def dataset_entry(node: Any) -> Any:
    """`digits`, `{name: digits, flip_labels: 0.2}`, `{path: FOLDER}` and `{hub: NAME}`."""
    if not isinstance(node, Mapping):
        return with_options(node)
    if "declared" in node:  # names code: only a card of ours may
        raise input_error("dataset.declared: unknown key; write {path: FOLDER}, or a name")
    if "parquet" in node:
        raise input_error("dataset.parquet: is called path now: {path: FOLDER}")
    return _own(node) if {"path", "hub"} & node.keys() else with_options(node)


def with_options(node: Any) -> Any:
    """A name alone, or a mapping with a name and options."""
    if isinstance(node, str):
        return {"name": node}
    if isinstance(node, Mapping) and "options" not in node:
        return {"name": node.get("name"), "options": {k: v for k, v in node.items() if k != "name"}}
    return node


def _own(node: Mapping[str, Any]) -> dict[str, Any]:
    """Data without a card: described by what the sweep says of them and by themselves."""
    from mubench.data.own.declare import declare  # here: only such data need a decoder of images

    known = OwnEntry.model_fields
    given = {key: value for key, value in node.items() if key in known}
    if isinstance(given.get("path"), str) and given["path"] and "://" not in given["path"]:
        given["path"] = str(Path(given["path"]).expanduser().absolute())  # for workers elsewhere
    try:
        entry = OwnEntry.model_validate(given)
    except ValidationError as error:
        raise input_error(f"dataset.{first_error(error)}") from None
    name = str(node.get("name", default_name(entry.path or str(entry.hub))))
    if not re.fullmatch(NAME, name) or name in cards.names("datasets"):
        raise input_error(
            f"dataset.name: '{name}' cannot name data of your own: letters, digits, _ - . are "
            "allowed, and names of data sets that mubench knows are taken; add 'name: NAME'"
        )
    try:
        declared = cards.complete_card(declare(entry, name))
    except DataError as error:
        raise input_error(f"dataset.{'path' if entry.path else 'hub'}: {error}") from None
    options = {key: value for key, value in node.items() if key not in (*known, "name")}
    return {"name": name, "options": options, "declared": declared}


def forget_entries(node: Any, where: str) -> Iterator[dict[str, Any]]:
    """One scenario for each share of a list; a single class is a group of one."""
    _check_keys(node, where)
    entry = {
        key: value for key, value in node.items() if key in ("scenario", "stratified", "parts")
    }
    if "dataset" in node:
        entry["dataset"] = as_list(node["dataset"])
    for key in {"ratio", "discovered"} & node.keys():
        yield from ({**entry, key: share} for share in as_list(node[key]))
        return
    plural = PLURALS[node["scenario"]]
    if node["scenario"] == "index":
        files = [file for key in ARGUMENTS["index"][0] for file in as_list(node[key])]
        entry["carried"] = tuple(forget_file.unpack(f) for f in files if isinstance(f, Mapping))
    for purpose in ("search", "final"):
        key, kind = f"{purpose}_{plural}", node["scenario"]
        values = as_list(node[key])
        entry[purpose] = tuple(_named(value, f"{where}.{key}", kind) for value in values)
        if not values:
            raise input_error(f"{where}.{key}: an empty list; name at least one {kind}")
    shared = set(chain(*entry["search"])) & set(chain(*entry["final"]))
    if shared:
        raise input_error(
            f"{where}.search_{plural}: shares {in_order(shared)} with final_{plural}; "
            "what is tuned on may not be reported"
        )
    yield entry


PLURALS = {"class": "classes", "group": "groups", "index": "files"}
ARGUMENTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "random": (("ratio",),),
    "class": (("search_classes", "final_classes"),),
    "group": (("search_groups", "final_groups"), ("ratio",)),
    "index": (("search_files", "final_files"),),
    "corrupted": (("discovered",),),
}
"""The keys that each scenario needs; `group` has two forms."""


def _check_keys(node: Any, where: str) -> None:
    if not isinstance(node, Mapping):
        raise input_error(f"{where}: a mapping with 'scenario' is needed; got {node!r}")
    name = str(node.get("scenario"))
    if name not in ARGUMENTS:
        hint = did_you_mean(name, ARGUMENTS)
        raise input_error(f"{where}.scenario: unknown scenario '{name}'; {hint}")
    forms = ARGUMENTS[name]
    form = next((form for form in forms if set(form) & set(node)), forms[0])
    known = ("scenario", *form, *(("stratified",) if name == "random" else ()))
    for key in node:
        if key not in (*known, "dataset", "parts"):
            raise input_error(f"{where}.{key}: unknown key; {did_you_mean(str(key), known)}")
    for key in ("scenario", *form):
        if key not in node:
            raise input_error(f"{where}.{key}: missing; scenario '{name}' needs it")


def _named(value: Any, where: str, kind: str) -> Named:
    """Several classes at once, or one: by number or by name."""
    if kind == "index" and isinstance(value, Mapping):
        return (forget_file.unpack(value).sha256,)
    values = tuple(as_list(value))
    if kind == "index":
        if len(values) != 1 or not isinstance(values[0], str):
            raise input_error(f"{where}: each file is a path; got {value!r}")
    elif not values or not all(
        isinstance(v, int | str) and not isinstance(v, bool) for v in values
    ):
        raise input_error(f"{where}: a {kind} is a whole number or a name; got {value!r}")
    return values


def as_list(value: Any) -> list[Any]:
    """A list as it is, anything else as a list of one."""
    return list(value) if isinstance(value, list | tuple) else [value]
