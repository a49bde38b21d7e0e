"""What a method, a data set or a model *is*, read from its card without importing torch.

`search_spaces/methods/*.yaml`, `mubench/data/cards/*.yaml` and `mubench/models/cards/*.yaml`.
A contract test keeps cards and code equal; planning and refusals use the cards alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from mubench.catalogue import plugins
from mubench.catalogue.bounds import WORDS
from mubench.catalogue.range_syntax import parse_range
from mubench.catalogue.search_space import Fixed, Param, Range, Scalar, Space
from mubench.errors import InputError, did_you_mean

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class MethodCard:
    """A method: its paper, what it needs, and the space of its hyperparameters."""

    name: str
    title: str
    paper: str
    version: int
    needs: frozenset[str]
    source: str
    """Where defaults and ranges come from."""
    space: Space
    cost: Mapping[str, str]
    """Examples sent `forward` and `backward`, as expressions in hyperparameters, n_f, n_r and K."""
    stochastic: bool = True
    """Whether another seed gives other weights."""
    identity: Mapping[str, Scalar] | None = None
    """Settings with which it changes nothing; None where there are none."""
    refuses: Mapping[str, str] = field(default_factory=dict)
    """What it cannot do: a scenario, modality or family, each with the reason."""
    quick: Mapping[str, Scalar] = field(default_factory=dict)
    """Settings for the small world of the contract: few steps, and something changes."""
    builds_on: str = ""
    """The method that it extends: reports compare the two as planned, without a correction."""
    caveat: str = ""
    """What a reader of its numbers must know: printed by every report that has a row of it."""
    curves: Mapping[str, str] = field(default_factory=dict)
    """Hyperparameters and their titles: reports draw metrics against their grid values."""

    def refusal(self, *kinds: str) -> str | None:
        """Why the method cannot do this scenario, modality or family of models, or None."""
        return next((self.refuses[kind] for kind in kinds if kind in self.refuses), None)


@dataclass(frozen=True)
class DataCard:
    """A data set: where it comes from, its classes, sizes, options and declared fingerprint."""

    name: str
    title: str
    modules: tuple[str, ...]
    """Where its `read` is: of each source that may have its files, or of a plug-in."""
    modality: Literal["image", "text"]
    classes: tuple[str, ...]
    groups: tuple[str, ...]
    """Finer than classes, or another division: subclasses, identities. Often there are none."""
    sizes: Mapping[str, int]
    options: Mapping[str, Any]
    fingerprint: str | None
    """Of data in files the one that a plan assumes where it cannot look."""
    card: Mapping[str, Any]
    """The whole card, for the loader and for content ids."""


ORIGINS = ("source", "weights")
"""Arguments of models that say where pretrained weights come from: a folder or hub name, a file."""


@dataclass(frozen=True)
class ModelCard:
    """A model: its builder, what data it takes, and the recipe that trains it."""

    name: str
    title: str
    module: str
    """Where its builder is."""
    modality: Literal["image", "text"]
    family: str
    recipe: Mapping[str, Any]
    card: Mapping[str, Any]
    smallest: int = 1
    """Height and width that images must have at least."""
    tokens: Mapping[str, Any] | None = None
    """Of a model of text: the most tokens of a text as `length`, and either the size of a
    `vocabulary` to make, or the `source` of a tokenizer. None of a model of images."""

    @property
    def origins(self) -> Mapping[str, str | None]:
        """Where pretrained weights may come from: those of its arguments that say so."""
        arguments = self.card["arguments"]
        return {key: arguments[key] for key in ORIGINS if key in arguments}

    def pretrained(self, options: Mapping[str, str]) -> "ModelCard":
        """The model with weights from elsewhere. Raises InputError where it takes none."""
        for key in options:
            if key not in self.origins:
                hint = did_you_mean(key, self.origins) if self.origins else "it has none"
                raise InputError(f"grid.model.{self.name}.{key}: unknown option; {hint}")
        if not options:
            return self
        tokens = self.tokens
        if tokens is not None and "source" in tokens and "source" in options:
            tokens = {**tokens, "source": options["source"]}
        arguments = {**self.card["arguments"], **options}
        return replace(self, card={**self.card, "arguments": arguments}, tokens=tokens)


def search_spaces() -> Path:
    """The folder of sweeps and method cards: inside an installed package, or beside a checkout."""
    shipped = PACKAGE / "search_spaces"
    return shipped if shipped.is_dir() else PACKAGE.parent / "search_spaces"


def method(name: str, where: str = "methods") -> MethodCard:
    """The card of a method; raises InputError with the nearest name where there is none."""
    return _method(*_find("methods", name, f"{where}.{name}"))


def find_method(name: str) -> MethodCard | None:
    """The card of a method; None for a plug-in that is not loaded here, and for a reference."""
    return method(name) if name in names("methods") else None


def dataset(name: str, where: str = "grid.dataset") -> DataCard:
    """The card of a data set; raises InputError with the nearest name where there is none."""
    return _dataset(*_find("datasets", name, where))


def model(name: str, where: str = "grid.model") -> ModelCard:
    """The card of a model; raises InputError with the nearest name where there is none."""
    return _model(*_find("models", name, where))


Kind = Literal["methods", "datasets", "models"]
_WORDS: Mapping[Kind, str] = {"methods": "method", "datasets": "data set", "models": "model"}
_PARTS: Mapping[Kind, str] = {"methods": "methods", "datasets": "data.sources", "models": "models"}


def names(kind: Kind) -> list[str]:
    """The names of all cards of a kind, plug-ins' among them, sorted."""
    return sorted({*_shipped(kind), *plugins.names(kind)})


def _folder(kind: Kind) -> Path:
    return {
        "methods": search_spaces() / "methods",
        "datasets": PACKAGE / "data" / "cards",
        "models": PACKAGE / "models" / "cards",
    }[kind]


def _shipped(kind: Kind) -> list[str]:
    return [path.stem for path in _folder(kind).glob("*.yaml")]


def _find(kind: Kind, name: str, where: str) -> tuple[str, str, str]:
    """The text of a card, its file for messages, and the package or module of its code."""
    plugin = plugins.find(kind, name)
    path = _folder(kind) / f"{name}.yaml"
    is_shipped = path.parent == _folder(kind) and path.is_file()
    if plugin is not None:
        if is_shipped:
            raise InputError(f"{plugin.where}: mubench has a {_WORDS[kind]} '{name}'; rename it")
        return plugin.card, str(Path(plugin.where).with_suffix(".yaml")), plugin.module
    if not is_shipped:
        hint = did_you_mean(name, names(kind))
        own = "" if hint.startswith("did you mean") else "; one of your own: --plugin FILE.py"
        raise InputError(f"{where}: unknown {_WORDS[kind]} '{name}'; {hint}{own}")
    return path.read_text(encoding="utf-8"), path.name, f"mubench.{_PARTS[kind]}"


def _read(text: str, where: str) -> dict[str, Any]:
    card = yaml.safe_load(text)
    name = Path(where).stem
    if card.get("name") != name:
        raise InputError(f"{where}: name: must be '{name}', the name of the file")
    return dict(card)


@cache
def _method(text: str, where: str, module: str) -> MethodCard:
    del module
    card = _read(text, where)
    _require_keys(card, where, _METHOD_KEYS, _METHOD_OPTIONAL)
    _require_keys(card["cost"], f"{where}: cost", ("forward", "backward"))
    _require_types(card, where)
    entries = card["params"]
    params = tuple(_param(name, entry, where, entries) for name, entry in entries.items())
    _check_report_fields(card, where)
    return MethodCard(
        name=card["name"],
        title=card["title"],
        paper=card["paper"],
        version=card["version"],
        needs=frozenset(card["needs"]),
        source=card["source"],
        space=Space(params),
        cost={way: str(expression) for way, expression in card["cost"].items()},
        stochastic=card["stochastic"],
        identity=card["identity"],
        refuses=card.get("refuses") or {},
        quick=card.get("quick") or {},
        builds_on=card.get("builds_on") or "",
        caveat=card.get("caveat") or "",
        curves=card.get("curves") or {},
    )


def _check_report_fields(card: Mapping[str, Any], where: str) -> None:
    """Refuse a method to build on, or a hyperparameter of a curve, that does not exist."""
    base, known = card.get("builds_on"), [name for name in names("methods") if name != card["name"]]
    if base and base not in known:
        hint = did_you_mean(base, known)
        raise InputError(f"{where}: builds_on: no other method is called '{base}'; {hint}")
    for name, title in (card.get("curves") or {}).items():
        if name not in card["params"]:
            hint = did_you_mean(str(name), card["params"])
            raise InputError(f"{where}: curves.{name}: unknown hyperparameter; {hint}")
        if not isinstance(title, str) or not title:
            raise InputError(f"{where}: curves.{name}: a title is required; got {title!r}")


def _require_types(card: Mapping[str, Any], where: str) -> None:
    """Refuse a card of a method whose values are of other kinds than they must be."""
    for key, kind, words in _METHOD_TYPES:
        value = card.get(key)
        is_left_out = value is None and key in ("identity", *_METHOD_OPTIONAL)
        if not is_left_out and (
            not isinstance(value, kind) or isinstance(value, bool) > (kind is bool)
        ):
            raise InputError(f"{where}: {key}: {words} is needed; got {value!r}")
    if not all(isinstance(need, str) for need in card["needs"]):
        raise InputError(f"{where}: needs: a list of words is needed; got {card['needs']!r}")


_METHOD_TYPES: tuple[tuple[str, type, str], ...] = (
    ("title", str, "text"),
    ("paper", str, "text"),
    ("version", int, "a whole number"),
    ("needs", list, "a list of words"),
    ("source", str, "text"),
    ("stochastic", bool, "true or false"),
    ("params", dict, "a mapping of hyperparameters"),
    ("identity", dict, "a mapping of hyperparameters, or null"),
    ("refuses", dict, "a mapping of what it refuses to the reason"),
    ("quick", dict, "a mapping of hyperparameters"),
    ("builds_on", str, "the name of a method"),
    ("caveat", str, "text"),
    ("curves", dict, "a mapping of hyperparameters to their titles"),
)
_METHOD_OPTIONAL = ("kind", "refuses", "quick", "builds_on", "caveat", "curves")
_METHOD_KEYS = (
    "name",
    "title",
    "paper",
    "version",
    "needs",
    "source",
    "cost",
    "stochastic",
    "identity",
    "params",
)


def _param(name: str, entry: Any, where: str, known: Iterable[str]) -> Param:
    where = f"{where}: params.{name}"
    _require_keys(entry, where, ("default",), ("range", "when", "values"))
    default = entry["default"]
    searched = parse_range(entry["range"], f"{where}.range") if "range" in entry else Fixed(default)
    when = entry.get("when", {})
    if not isinstance(when, Mapping) or not when.keys() <= set(known):
        raise InputError(f"{where}.when: must name hyperparameters and their values; got {when!r}")
    words = entry.get("values") or WORDS.get(name) or _words(searched)
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise InputError(f"{where}.values: a list of words is needed; got {words!r}")
    return Param(name, default, searched, when, tuple(words))


def _words(searched: Range) -> tuple[str, ...]:
    return tuple(word for word in searched.examples if isinstance(word, str))


def _require_keys(
    node: Any, where: str, needed: Sequence[str], optional: Sequence[str] = ()
) -> None:
    if not isinstance(node, Mapping):
        raise InputError(f"{where}: a mapping with {', '.join(needed)} is needed; got {node!r}")
    for key in needed:
        if key not in node:
            raise InputError(f"{where}: {key}: missing")
    for key in node:
        if key not in (*needed, *optional):
            hint = did_you_mean(str(key), (*needed, *optional))
            raise InputError(f"{where}: {key}: unknown key; {hint}")


@cache
def _dataset(text: str, where: str, module: str) -> DataCard:
    card = _read(text, where)
    for key in (
        "classes",
        "sizes",
        *_DATA_KEYS.get(str(card.get("modality")), _DATA_KEYS["image"]),
    ):
        if key not in card:
            raise InputError(f"{where}: {key}: missing")
    shipped = module == "mubench.data.sources"
    card["modules"] = [f"{module}.{name}" for name in card["sources"]] if shipped else [module]
    return data_card(card)


_DATA_KEYS = {
    "image": ("title", "modality", "input_shape", "mean", "std", "max_value", "augment"),
    "text": ("title", "modality"),
}


def undeclared(card: Mapping[str, Any]) -> dict[str, Any]:
    """The card of a folder of Parquet files that nobody wrote one for, completed with defaults.

    Images are neither cropped nor mirrored; they are normalised by the moments of D_tr.
    """
    common = {"modules": ["mubench.data.sources.parquet"], "sizes": {}}
    options: dict[str, Any] = {"flip_labels": 0.0, "train_size": None, "holdout_size": None}
    return {"augment": {"pad": 0, "flip": False}, "options": options, **common, **card}


def data_card(card: Mapping[str, Any]) -> DataCard:
    """What a whole card says."""
    groups = card.get("groups", ())
    return DataCard(
        name=card["name"],
        title=card["title"],
        modules=tuple(card["modules"]),
        modality=card["modality"],
        classes=tuple(map(str, card["classes"])),
        groups=tuple(map(str, range(groups) if isinstance(groups, int) else groups)),
        sizes=card.get("sizes", {}),
        options=card.get("options", {}),
        fingerprint=card.get("fingerprint"),
        card=card,
    )


@cache
def _model(text: str, where: str, module: str) -> ModelCard:
    card = _read(text, where)
    for key in ("title", "modality", "family", "builder", "arguments", "recipe"):
        if key not in card:
            raise InputError(f"{where}: {key}: missing")
    if card["modality"] == "text":
        _check_tokens(card.get("tokens"), f"{where}: tokens")
    if module == "mubench.models":
        module = f"{module}.{card['module']}"
    card["module"] = module
    return ModelCard(
        name=card["name"],
        title=card["title"],
        module=card["module"],
        modality=card["modality"],
        family=card["family"],
        recipe=card["recipe"],
        card=card,
        smallest=card.get("smallest", 1),
        tokens=card.get("tokens"),
    )


def _check_tokens(tokens: Any, where: str) -> None:
    _require_keys(tokens, where, ("length",), ("vocabulary", "source"))
    if ("vocabulary" in tokens) == ("source" in tokens):
        raise InputError(f"{where}: either vocabulary or source is needed; got {tokens!r}")
    for key in tokens.keys() - {"source"}:
        if type(tokens[key]) is not int or tokens[key] < 1:
            raise InputError(f"{where}.{key}: a whole number above 0 is needed; got {tokens[key]}")
    if not isinstance(tokens.get("source", ""), str):
        raise InputError(f"{where}.source: a folder or a name is needed; got {tokens['source']}")
