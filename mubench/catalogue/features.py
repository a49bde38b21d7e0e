"""The columns of a table as a card names them, and which inputs of a model each becomes."""

from collections.abc import Iterable, Mapping
from math import isnan
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, StrictBool, model_validator

from mubench.catalogue.validation import Strict, input_error


def _written(value: Any) -> Any:
    """A name alone is a numeric column without missing values."""
    return {"name": value} if isinstance(value, str) else value


def _texts(value: Any) -> Any:
    """YAML reads categories such as 0 and 1 as numbers."""
    return [str(each) for each in value] if isinstance(value, list | tuple) else value


class Feature(Strict):
    """A column: numbers, or some categories.

    Its inputs are, for numbers, the standardised number; for categories, one that is 1 for each of
    `values`. With `has_missing` one more follows, which is 1 where the value is missing.
    """

    name: str
    kind: Literal["numeric", "categorical"] = "numeric"
    values: Annotated[tuple[str, ...], BeforeValidator(_texts)] = ()
    """Of a categorical column: the categories of D_tr."""
    has_missing: StrictBool = False
    """Whether D_tr has missing values."""

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if (self.kind == "categorical") != bool(self.values):
            raise input_error("values: categories are needed, of a categorical column alone")
        return self

    @property
    def width(self) -> int:
        """How many inputs of a model it becomes."""
        return max(1, len(self.values)) + self.has_missing


Features = tuple[Annotated[Feature, BeforeValidator(_written)], ...]


def features_of(card: Mapping[str, Any]) -> tuple[Feature, ...]:
    """The columns of a data set's card, as written; none where it is no table."""
    return tuple(Feature.model_validate(_written(each)) for each in card.get("features", ()))


def row_in_words(features: Iterable[Feature], row: Iterable[float]) -> str:
    """A stored row (C,) for people: `age 39, job clerk, hours missing`."""
    return ", ".join(
        f"{feature.name} {_cell(feature, float(value))}"
        for feature, value in zip(features, row, strict=True)
    )


def _cell(feature: Feature, value: float) -> str:
    if isnan(value):
        return "missing"
    if feature.kind == "numeric":
        return f"{value:.6g}"
    return feature.values[int(value)] if value >= 0 else "(unknown to D_tr)"
