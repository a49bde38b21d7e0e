"""How original and Retrain are trained: the same recipe for both, as data."""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mubench.catalogue.validation import input_error

_LATER = {"nesterov": False, "channels_last": False, "compile": False}
"""Fields that came after the first ids were made, each with the value that is as before."""


class Recipe(BaseModel):
    """A training recipe; `mubench.models.presets` says where it comes from.

    `warmup_fraction` is the share of all steps in which the learning rate rises linearly. A
    `multistep` schedule multiplies it by `decay` after each of the epochs in `milestones`;
    `onecycle` lowers it linearly to 0. `channels_last` and `compile` make training faster and
    concern nothing else: the weights come back as those of the plain model.
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
