"""What a method, a data set or a model *is*, read from its card without importing torch.

`search_spaces/methods/*.yaml`, `mubench/data/cards/*.yaml` and `mubench/models/cards/*.yaml`.
A contract test keeps cards and code equal; planning and refusals use the cards alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from mubench.errors import InputError, did_you_mean
from mubench.grammar import parse_range
from mubench.spaces import Fixed, Param, Space

PACKAGE = Path(__file__).parent


@dataclass(frozen=True)
class MethodCard:
    """A method: its paper, what it needs, and the space of its hyperparameters."""

    name: str
    title: str
    paper: str
    version: int
    needs: frozenset[str]
    space: Space
    refuses: Mapping[str, str] = field(default_factory=dict)
    """What it cannot do: a scenario, modality or family, each with the reason."""

    def refusal(self, scenario: str, modality: str, family: str) -> str | None:
        """Why the method cannot do this, or None."""
        return next(
            (self.refuses[k] for k in (scenario, modality, family) if k in self.refuses), None
        )


@dataclass(frozen=True)
class DataCard:
    """A data set: where it comes from, its classes, sizes, options and declared fingerprint."""

    name: str
    title: str
    source: str
    modality: Literal["image", "text"]
    classes: tuple[str, ...]
    sizes: Mapping[str, int]
    options: Mapping[str, Any]
    fingerprint: str | None
    card: Mapping[str, Any]
    """The whole card, for the loader and for content ids."""


@dataclass(frozen=True)
class ModelCard:
    """A model: its builder, what data it takes, and the recipe that trains it."""

    name: str
    title: str
    module: str
    modality: Literal["image", "text"]
    family: str
    recipe: Mapping[str, Any]
    card: Mapping[str, Any]


def search_spaces() -> Path:
    """The folder of sweeps and method cards: inside an installed package, or beside a checkout."""
    shipped = PACKAGE / "search_spaces"
    return shipped if shipped.is_dir() else PACKAGE.parent / "search_spaces"


def method(name: str, where: str = "methods") -> MethodCard:
    """The card of a method; raises InputError with the nearest name where there is none."""
    return _method(_find(search_spaces() / "methods", name, f"{where}.{name}", "method"))


def dataset(name: str, where: str = "grid.dataset") -> DataCard:
    """The card of a data set; raises InputError with the nearest name where there is none."""
    return _dataset(_find(PACKAGE / "data" / "cards", name, where, "data set"))


def model(name: str, where: str = "grid.model") -> ModelCard:
    """The card of a model; raises InputError with the nearest name where there is none."""
    return _model(_find(PACKAGE / "models" / "cards", name, where, "model"))


def names(kind: Literal["methods", "datasets", "models"]) -> list[str]:
    """The names of all cards of a kind, sorted."""
    folders = {
        "methods": search_spaces() / "methods",
        "datasets": PACKAGE / "data" / "cards",
        "models": PACKAGE / "models" / "cards",
    }
    return sorted(path.stem for path in folders[kind].glob("*.yaml"))


def _find(folder: Path, name: str, where: str, word: str) -> Path:
    path = folder / f"{name}.yaml"
    if path.parent != folder or not path.is_file():
        known = [p.stem for p in folder.glob("*.yaml")]
        raise InputError(f"{where}: unknown {word} '{name}'; {did_you_mean(name, known)}")
    return path


@cache
def _read(path: Path) -> dict[str, Any]:
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    if card.get("name") != path.stem:
        raise InputError(f"{path.name}: name: must be '{path.stem}', the name of the file")
    return dict(card)


@cache
def _method(path: Path) -> MethodCard:
    card = _read(path)
    params = tuple(
        Param(
            name,
            entry["default"],
            parse_range(entry["range"], f"{path.name}: params.{name}.range")
            if "range" in entry
            else Fixed(entry["default"]),
            entry.get("when", {}),
        )
        for name, entry in card["params"].items()
    )
    return MethodCard(
        name=card["name"],
        title=card["title"],
        paper=card["paper"],
        version=card["version"],
        needs=frozenset(card["needs"]),
        space=Space(params),
        refuses=card.get("refuses", {}),
    )


@cache
def _dataset(path: Path) -> DataCard:
    card = _read(path)
    return DataCard(
        name=card["name"],
        title=card["title"],
        source=card["source"],
        modality=card["modality"],
        classes=tuple(map(str, card["classes"])),
        sizes=card["sizes"],
        options=card.get("options", {}),
        fingerprint=card.get("fingerprint"),
        card=card,
    )


@cache
def _model(path: Path) -> ModelCard:
    card = _read(path)
    return ModelCard(
        name=card["name"],
        title=card["title"],
        module=card["module"],
        modality=card["modality"],
        family=card["family"],
        recipe=card["recipe"],
        card=card,
    )
