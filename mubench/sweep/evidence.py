"""Evidence that a sweep may ask for beside its metrics: blocks, each with its options."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator, model_validator

from mubench.catalogue.validation import Strict, input_error
from mubench.errors import did_you_mean
from mubench.metrics.blocks import BLOCKS
from mubench.metrics.weight_blocks import MOST_EPOCHS


class RelearnSpec(Strict):
    """How a model is taught again, see `mubench.evidence.relearn`; the recipe is its original's."""

    rate: float = Field(0.1, gt=0, le=10)
    """Share of the recipe's learning rate."""
    epochs: int = Field(3, ge=1, le=MOST_EPOCHS)
    """On D_r alone."""
    examples: int = Field(10, ge=1, le=100_000)
    """Of D_f, for relearning from a few."""
    few_steps: int = Field(20, ge=1, le=10_000)
    """On those few."""
    most_steps: int = Field(40, ge=1, le=100_000)
    """On D_f, until its accuracy is back."""


class ProbeSpec(Strict):
    """How layers are read, see `mubench.evidence.probe`."""

    examples: int = Field(2000, ge=20, le=1_000_000)
    """The most that a probe is fitted on, and the most that it is tested on."""


class WeightSpec(Strict):
    """How weights are compared, see `mubench.evidence.weight_space`."""

    examples: int = Field(1000, ge=1, le=1_000_000)
    """The most of D_r that accuracies between two models are taken on."""
    points: int = Field(3, ge=1, le=100)
    """Models on the line between two."""


class Evidence(Strict):
    """The blocks of a sweep; none by default.

    A sweep file names them, `evidence: [relearn, attacks]`, all of them, `evidence: all`, or gives
    options, `evidence: {relearn: {epochs: 5}}`.
    """

    relearn: RelearnSpec | None = None
    probe: ProbeSpec | None = None
    weights: WeightSpec | None = None
    outputs: tuple[str, ...] = ()
    """Blocks of metrics that need stored outputs alone, computed when all steps are done."""

    @model_validator(mode="before")
    @classmethod
    def _of_names(cls, value: Any) -> Any:
        known = (*cls.of_weights(), *BLOCKS)
        if value is None or isinstance(value, Evidence):
            return value or {}
        if value == "all":
            value = known
        if isinstance(value, str):
            value = (value,)
        if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
            value = dict.fromkeys(value)
        if not isinstance(value, Mapping):
            raise input_error(f"a block, a list of blocks or a mapping is needed; got {value!r}")
        for name in value:
            if name not in (*known, "outputs"):
                raise input_error(f"{name}: unknown block; {did_you_mean(str(name), known)}")
        of_weights = [name for name in cls.of_weights() if name in value]
        options = {name: {} if value[name] is None else value[name] for name in of_weights}
        asked = [name for name in BLOCKS if name in value]
        for name in asked:
            if value[name]:
                raise input_error(f"{name}: this block has no options")
        return {**options, "outputs": _joined(value.get("outputs"), asked)}

    @field_validator("outputs")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in BLOCKS:
                raise input_error(f"{name}: unknown block; {did_you_mean(name, BLOCKS)}")
        return tuple(dict.fromkeys(names))

    @classmethod
    def of_weights(cls) -> tuple[str, ...]:
        """The blocks that need the weights of a model."""
        return tuple(name for name in cls.model_fields if name != "outputs")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that stored outputs allow."""
        return tuple(metric for block in self.outputs for metric in BLOCKS[block])

    @property
    def on_weights(self) -> "Evidence":
        """The blocks that a step computes."""
        return self.model_copy(update={"outputs": ()})

    @property
    def sources(self) -> tuple[str, ...]:
        """The functions that compute the blocks of a step, as roots of content ids."""
        asked = {
            "mubench.evidence.relearn:relearn": self.relearn,
            "mubench.evidence.probe:probe": self.probe,
            "mubench.evidence.weight_space:compare": self.weights,
        }
        return tuple(source for source, spec in asked.items() if spec is not None)

    def __bool__(self) -> bool:
        return bool(self.sources)


def _joined(given: Any, asked: list[str]) -> Any:
    """What `outputs` says with the blocks that are named beside it; what is no list is refused."""
    return (
        [*given, *asked] if isinstance(given, list | tuple) else asked if given is None else given
    )
