"""Named recipes as data, `recipes/<dataset>.yaml`: what trains a model on a data set."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError

from mubench.catalogue import cards
from mubench.catalogue.validation import first_error
from mubench.catalogue.yaml_document import read_yaml
from mubench.errors import InputError, did_you_mean
from mubench.models.recipe import Recipe

FOLDER = cards.PACKAGE / "models" / "recipes"
DEFAULT = "paper"
"""What a sweep means that names no recipe, where the data set has it for the model."""
OWN = "card"
"""The recipe of the model's own card, which every pair has."""
_NAME = "recipe"


def names(dataset: str, model: str) -> tuple[str, ...]:
    """Names of the recipes that there are for a data set and a model."""
    return (*(name for name, models in _read(dataset).items() if model in models), OWN)


def preset(dataset: str, model: str, name: str | None = None) -> dict[str, Any]:
    """A recipe by its name, without one the default; `source` says where it comes from.

    Raises:
        InputError: the pair has no recipe of this name.
    """
    known = names(dataset, model)
    found = name or (DEFAULT if DEFAULT in known else OWN)
    if found == OWN:
        return dict(cards.model(model).recipe)
    if found not in known:
        hint = did_you_mean(str(found), known).partition("known: ")[0]
        raise InputError(
            f"training.recipe: '{dataset}' has no recipe '{found}' for '{model}'; "
            f"{hint}{' ' if hint else ''}known: {', '.join(known)}"
        )
    return dict(_read(dataset)[found][model])


def recipe(dataset: str, model: str, training: Mapping[str, Any]) -> Recipe:
    """The recipe that `training` of a sweep names, with the values that it changes.

    Raises:
        InputError: one line: an unknown name or key, or a value that no recipe has.
    """
    changes = dict(training)
    known = (_NAME, *Recipe.model_fields)
    for key in changes:
        if key not in known:
            raise InputError(f"training.{key}: unknown key; {did_you_mean(key, known)}")
    values = preset(dataset, model, changes.pop(_NAME, None))
    values.pop("source", None)
    try:
        made = Recipe(**{**values, **changes})
    except ValidationError as error:
        raise InputError(f"training.{first_error(error)}") from None
    late = [epoch for epoch in made.milestones if epoch >= made.epochs]
    if made.schedule == "multistep" and late:
        raise InputError(
            f"training.milestones: the learning rate never falls at {late[0]}, for there are "
            f"{made.epochs} epochs; give milestones for as many, or another schedule"
        )
    return made


@cache
def _read(dataset: str) -> dict[str, dict[str, Any]]:
    path = FOLDER / f"{dataset}.yaml"
    if not path.is_file():
        return {}
    return dict(read_yaml(path.read_text(encoding="utf-8"), path.name))
