"""The fields of a row of the board: requests, failures, tuning, environment, origin.

Fractions are in [0, 1], times in seconds. Fields that could contradict each other are checked.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from mubench.catalogue.validation import Strict, input_error
from mubench.metrics.gap import TERMS, gap
from mubench.store.record import Status

TOLERANCE = 1e-9
"""Between the stated gap and the gap that follows from the values."""


def _within_unit(value: float) -> float:
    if not 0 <= value <= 1:  # NaN is refused here as well
        raise PydanticCustomError(
            "fraction", "{value} is not a fraction in [0, 1]", {"value": value}
        )
    return value


Fraction = Annotated[
    float,
    Field(strict=True, json_schema_extra={"minimum": 0, "maximum": 1}),
    AfterValidator(_within_unit),
]
Seconds = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]
Count = Annotated[int, Field(strict=True, ge=0)]
Positive = Annotated[int, Field(strict=True, ge=1)]
Switch = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(min_length=1, max_length=400)]


class Values(Strict):
    """The four values of one model on one request; None where a value has no meaning."""

    ua: Fraction | None = None
    mia_svc: Fraction | None = None
    ra: Fraction | None = None
    ta: Fraction | None = None

    @property
    def terms(self) -> dict[str, float]:
        """The values that are not None, by name."""
        values = {name: getattr(self, name) for name in TERMS}
        return {name: value for name, value in values.items() if value is not None}


class Measured(Values):
    """One final request with its numbers, and those of the Retrain that its gap is taken to."""

    name: Name
    """The request: cell, forget seed or classes, train seed."""
    status: Literal["ok", "diverged"]
    """`diverged`: evaluated at the last finite weights."""
    seed_train: Whole
    seed_forget: Whole
    """-1 where nothing is drawn."""
    forget_classes: tuple[Whole, ...] = ()
    forget_hash: Annotated[str, Field(max_length=200)]
    """Over the ids of D_f: two rows with the same one forgot the same examples."""
    n_forget: Count
    gap: Fraction
    """Avg. Gap to `retrain`."""
    rte_seconds: Seconds | None = None
    luma: Fraction | None = None
    """The composite of closeness, privacy and cost, where `mubench score` has added it."""
    retrain: Values
    replicas: tuple[Values, ...] = ()
    """Of a Retrain's row: further Retrains of the request, for the noise floor."""
    flags: tuple[Name, ...] = ()
    """Warnings of the measurement."""

    @model_validator(mode="after")
    def _gap_follows_from_values(self) -> Self:
        if not self.terms.keys() & self.retrain.terms.keys():
            raise input_error("retrain: shares none of ua, mia_svc, ra and ta with this request")
        expected = gap(self.terms, self.retrain.terms).value
        if abs(expected - self.gap) > TOLERANCE:
            raise input_error(
                f"gap: {self.gap} is stated, but the values and Retrain's give {expected}"
            )
        return self


class Failure(Strict):
    """One final request without a number, and the reason."""

    name: Name
    status: Status | Literal["no_retrain"]
    message: str = ""


class Tuning(Strict):
    """The search that chose the row's params."""

    trials: Positive
    """Budget in candidates."""
    free_dimensions: Count
    candidate: Whole = -1
    """The chosen candidate; -1 where none was chosen."""
    luck: Fraction = 0.0
    """Standard deviation of the row's mean gap that comes from its searches."""


class Conditions(Strict):
    """The environment of some of the row's records."""

    device: str
    threads: Count
    precision: str
    exclusive: Switch
    """Whether each step had its device to itself."""
    commit: str
    versions: dict[str, str]
    created: Name
    """Of the newest of these records; ISO 8601 with its time zone."""
    records: tuple[Name, ...]
    """Their ids."""

    @property
    def when(self) -> datetime:
        """`created` as a datetime."""
        return datetime.fromisoformat(self.created)

    @model_validator(mode="after")
    def _created_is_a_time(self) -> Self:
        try:
            is_aware = self.when.tzinfo is not None
        except ValueError:
            is_aware = False
        if not is_aware:
            raise input_error(
                f"created: {self.created!r} is not an ISO 8601 time with its time zone"
            )
        return self


class SweepOrigin(Strict):
    """The sweep that the row comes from, whole, so that it can be run again."""

    name: Name
    sweep: dict[str, JsonValue]
    """The sweep file as a mapping, overrides included; written as YAML, `mubench run` takes it."""
