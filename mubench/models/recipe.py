"""How original and Retrain are trained: one recipe for both, as data.

Named recipes lie in `recipes/<dataset>.yaml`; every model's card has one of its own.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mubench.catalogue import cards
from mubench.catalogue.bounds import check_bounds, check_slip
from mubench.catalogue.validation import first_error, input_error
from mubench.catalogue.yaml_document import read_yaml
from mubench.errors import InputError, did_you_mean

FOLDER = cards.PACKAGE / "models" / "recipes"
DEFAULT = "paper"
"""The recipe of a sweep that names none, where the data set has it for the model."""
OWN = "card"
"""The recipe of the model's own card, which every pair has."""
_NAME = "recipe"
_LATER = {"nesterov": False, "channels_last": False, "compile": False, "micro_batch": None}
"""Fields added after the first ids were made, each with the value that changes nothing."""


class Recipe(BaseModel):
    """A training recipe.

    `warmup_fraction` is the share of all steps in which the learning rate rises linearly. A
    `multistep` schedule multiplies it by `decay` after each of the epochs in `milestones`;
    `onecycle` lowers it linearly to 0. `channels_last` and `compile` make training faster and
    change nothing else: the weights come back as those of the plain model. With `micro_batch` a
    batch goes through the model in pieces of at most so many examples, in less memory.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(5e-4, ge=0)
    optimizer: Literal["sgd", "adamw"] = "sgd"
    schedule: Literal["constant", "cosine", "multistep", "onecycle"] = "constant"
    warmup_fraction: float = Field(0.0, ge=0, lt=1)
    milestones: tuple[int, ...] = ()
    decay: float = Field(0.1, gt=0, le=1)
    augment: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
    channels_last: bool = False
    compile: bool = False
    micro_batch: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _can_look_ahead(self) -> Self:
        if self.nesterov and (self.optimizer != "sgd" or not self.momentum):
            raise input_error("nesterov: needs the optimizer sgd and a momentum above 0")
        return self

    @property
    def identity(self) -> dict[str, Any]:
        """What of it decides a result; a later field that is off leaves an id as it was."""
        fields = self.model_dump()
        return {key: value for key, value in fields.items() if _LATER.get(key, ...) != value}


def resolve_recipe(
    dataset: str,
    model: str,
    training: Mapping[str, Any],
    own: Mapping[str, Any] | None = None,
) -> Recipe:
    """The recipe that `training` of a sweep names, with the values that it changes.

    `own` is that of a model without a card.

    Raises:
        InputError: one line: an unknown name or key, or a value that no recipe has.
    """
    changes = dict(training)
    known = (_NAME, *Recipe.model_fields)
    for key in changes:
        if key not in known:
            raise InputError(f"training.{key}: unknown key; {did_you_mean(key, known)}")
    values = named_recipe(dataset, model, changes.pop(_NAME, None), own)
    values.pop("source", None)
    try:
        recipe = Recipe(**{**values, **changes})
        for name in changes:
            check_bounds(name, getattr(recipe, name), f"training.{name}")
            check_slip(name, getattr(recipe, name), f"training.{name}")
    except ValidationError as error:
        raise InputError(f"training.{first_error(error)}") from None
    late = [epoch for epoch in recipe.milestones if epoch >= recipe.epochs]
    if recipe.schedule == "multistep" and late:
        raise InputError(
            f"training.milestones: the learning rate never falls at {late[0]}, for there are "
            f"{recipe.epochs} epochs; give milestones for as many, or another schedule"
        )
    return recipe


def named_recipe(
    dataset: str,
    model: str,
    name: str | None = None,
    own: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A recipe's values, of the default without a name; `source` says where it comes from.

    Raises:
        InputError: the pair has no recipe of this name.
    """
    known = recipe_names(dataset, model)
    chosen = name or (DEFAULT if DEFAULT in known else OWN)
    if chosen == OWN:
        return dict(cards.model(model).recipe if own is None else own)
    if chosen not in known:
        hint = did_you_mean(str(chosen), known).partition("known: ")[0]
        raise InputError(
            f"training.recipe: '{dataset}' has no recipe '{chosen}' for '{model}'; "
            f"{hint}{' ' if hint else ''}known: {', '.join(known)}"
        )
    return dict(_recipes_of(dataset)[chosen][model])


def recipe_names(dataset: str, model: str) -> tuple[str, ...]:
    """The names of all recipes for a data set and a model."""
    named = (name for name, models in _recipes_of(dataset).items() if model in models)
    return (*named, OWN)


@cache
def _recipes_of(dataset: str) -> dict[str, dict[str, Any]]:
    path = FOLDER / f"{dataset}.yaml"
    if not path.is_file():
        return {}
    return dict(read_yaml(path.read_text(encoding="utf-8"), path.name))
