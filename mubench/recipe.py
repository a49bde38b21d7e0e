"""How original and Retrain are trained: the same recipe for both, as data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Recipe(BaseModel):
    """A training recipe; a model's card holds its default one.

    `warmup_fraction` is the share of all steps in which the learning rate rises linearly. A
    `multistep` schedule multiplies it by `decay` after each of the epochs in `milestones`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    learning_rate: float = Field(gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)
    optimizer: Literal["sgd", "adamw"] = "sgd"
    schedule: Literal["constant", "cosine", "multistep"] = "constant"
    warmup_fraction: float = Field(0.0, ge=0, lt=1)
    milestones: tuple[int, ...] = ()
    decay: float = Field(0.1, gt=0, le=1)
    augment: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"
