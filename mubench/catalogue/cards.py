"""The cards of methods, data sets and models, read without importing torch.

`search_spaces/methods/*.yaml`, `mubench/data/cards/*.yaml` and `mubench/models/cards/*.yaml`.
A contract test keeps cards and code consistent; planning and refusals use the cards alone.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from mubench.catalogue import plugins
from mubench.catalogue.card_schema import DataCard, MethodCard, ModelCard
from mubench.catalogue.validation import first_error, validated
from mubench.catalogue.yaml_document import Document
from mubench.errors import InputError, did_you_mean

PACKAGE = Path(__file__).parents[1]


@cache
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


CardKind = Literal["methods", "datasets", "models"]
_WORDS: Mapping[CardKind, str] = {"methods": "method", "datasets": "data set", "models": "model"}
_PARTS: Mapping[CardKind, str] = {
    "methods": "methods",
    "datasets": "data.sources",
    "models": "models",
}


def names(kind: CardKind) -> list[str]:
    """The names of all cards of a kind, plug-ins' among them, sorted."""
    return sorted({*_shipped(kind), *plugins.names(kind)})


def _folder(kind: CardKind) -> Path:
    if kind == "methods":
        return search_spaces() / "methods"
    return PACKAGE / ("data" if kind == "datasets" else "models") / "cards"


def _shipped(kind: CardKind) -> frozenset[str]:
    return _in_folder(_folder(kind))


@cache  # a plan asks for each card a hundred thousand times
def _in_folder(folder: Path) -> frozenset[str]:
    return frozenset(path.stem for path in folder.glob("*.yaml"))


def _find(kind: CardKind, name: str, where: str) -> tuple[str, str, str]:
    """The text of a card, its file for messages, and the package or module of its code."""
    plugin = plugins.find_plugin(kind, name)
    is_shipped = name in _shipped(kind)
    path = _folder(kind) / f"{name}.yaml"
    if plugin is not None:
        if is_shipped:
            raise InputError(f"{plugin.where}: mubench has a {_WORDS[kind]} '{name}'; rename it")
        return plugin.card, str(Path(plugin.where).with_suffix(".yaml")), plugin.module
    if not is_shipped:
        hint = did_you_mean(name, names(kind))
        own = "" if hint.startswith("did you mean") else "; one of your own: --plugin FILE.py"
        if any(plugin.name == name for plugin in plugins.added()):
            own = f"; {name}.py was given, but not as one: its card {name}.yaml says what it is"
        raise InputError(f"{where}: unknown {_WORDS[kind]} '{name}'; {hint}{own}")
    return _text(path), path.name, f"mubench.{_PARTS[kind]}"


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _document(text: str, where: str) -> Document:
    """A card whose name is that of its file."""
    document = Document(text, where)
    name = Path(where).stem
    if document.mapping(plugins.SHAPE).get("name") != name:
        raise document.error(f"name: must be '{name}', the name of the file")
    return document


@cache
def _method(text: str, where: str, module: str) -> MethodCard:
    del module
    document = _document(text, where)
    card = validated(MethodCard, document)
    others = [other for other in names("methods") if other != card.name]
    if card.builds_on and card.builds_on not in others:
        hint = did_you_mean(card.builds_on, others)
        raise document.error(f"builds_on: no other method is called '{card.builds_on}'; {hint}")
    return card


@cache
def _dataset(text: str, where: str, module: str) -> DataCard:
    document = _document(text, where)
    for key in _DATA_KEYS.get(str(document.value.get("modality")), _DATA_KEYS["image"]):
        if key not in document.value:
            raise document.error(f"{key}: missing")
    shipped = module == "mubench.data.sources"
    names = document.value.get("sources", ())
    modules = [f"{module}.{name}" for name in names] if shipped else [module]
    card = {**document.value, "modules": modules}
    return validated(DataCard, document, modules=modules, card=card)


_DATA_KEYS = {
    "image": ("sizes", "input_shape", "mean", "std", "max_value", "augment"),
    "text": ("sizes",),
    "table": ("sizes", "features"),
}
"""Keys that the card of a data set in files needs besides those that all data sets need."""


def complete_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """The card of data that have no card file, completed with defaults.

    Images are neither cropped nor mirrored; they are normalised by the moments of D_tr.
    """
    common = {"modules": ["mubench.data.own.source"]}
    options: dict[str, Any] = {
        "flip_labels": 0.0,
        "train_size": None,
        "holdout_size": None,
        "duplicates": "drop",
        "near_duplicates": "keep",
    }
    return {"augment": {"pad": 0, "flip": False}, "options": options, **card, **common}


def validate_data_card(card: Mapping[str, Any]) -> DataCard:
    """Validate a complete card. Raises InputError."""
    try:
        return DataCard.model_validate({**card, "card": card})
    except ValidationError as error:
        raise InputError(f"card of {card.get('name')}: {first_error(error)}") from None


@cache
def _model(text: str, where: str, module: str) -> ModelCard:
    document = _document(text, where)
    if module == "mubench.models":
        module = f"{module}.{document.value.get('module')}"
    if "code" in document.value:  # of a card that a sweep's own model gets
        raise document.error("code: unknown key")
    card = {**document.value, "module": module}
    return validated(ModelCard, document, module=module, card=card)
