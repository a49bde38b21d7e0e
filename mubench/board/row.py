"""One row of the board as data: what was measured, under which settings, and where it comes from.

A row is one method (or a reference) in one cell under one selection. Others contribute rows as JSON
files, so a row holds what its numbers follow from, and what could contradict it is checked here.
Fractions lie in [0, 1], times are seconds.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from mubench.board.names import slug
from mubench.metrics.gap import TERMS, gap
from mubench.record import Status
from mubench.strict import Strict, mistake

FORMAT: Literal[1] = 1
"""Version of the file; a row of a newer one is refused."""
TOLERANCE = 1e-9
REFERENCES = ("retrain", "original")


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
    """The four values of one model on one request; what has no meaning there is left out."""

    ua: Fraction | None = None
    mia_svc: Fraction | None = None
    ra: Fraction | None = None
    ta: Fraction | None = None

    @property
    def terms(self) -> dict[str, float]:
        """Those that are there, by name."""
        held = {name: getattr(self, name) for name in TERMS}
        return {name: value for name, value in held.items() if value is not None}


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
    retrain: Values
    replicas: tuple[Values, ...] = ()
    """Of a Retrain's row: further Retrains of the request, for the noise floor."""
    flags: tuple[Name, ...] = ()
    """Doubts that a reader must see."""

    @model_validator(mode="after")
    def _gap_is_that_of_the_values(self) -> Self:
        if not self.terms.keys() & self.retrain.terms.keys():
            raise mistake("retrain: shares none of ua, mia_svc, ra and ta with this request")
        found = gap(self.terms, self.retrain.terms).value
        if abs(found - self.gap) > TOLERANCE:
            raise mistake(f"gap: {self.gap} is stated, but the values and Retrain's give {found}")
        return self


class Failure(Strict):
    """One final request that gave no number, and why."""

    name: Name
    status: Status | Literal["no_retrain"]
    message: str = ""


class Tuning(Strict):
    """The search that chose the row's params."""

    trials: Positive
    """Budget in candidates."""
    free_dimensions: Count
    candidate: Whole = -1
    """The chosen one; -1 where none was."""


class Conditions(Strict):
    """Under which circumstances some of the row's records were made."""

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
        """`created` as a time."""
        return datetime.fromisoformat(self.created)

    @model_validator(mode="after")
    def _created_is_a_time(self) -> Self:
        try:
            is_aware = self.when.tzinfo is not None
        except ValueError:
            is_aware = False
        if not is_aware:
            raise mistake(f"created: {self.created!r} is not an ISO 8601 time with its time zone")
        return self


class SweepOrigin(Strict):
    """The sweep that the row comes from, whole, so that it can be run again."""

    name: Name
    sweep: dict[str, JsonValue]
    """The sweep file as a mapping, overrides included; written as YAML, `mubench run` takes it."""


class BoardRow(Strict):
    """One method (or reference) in one cell under one selection, over its final requests."""

    format: Literal[1]
    cell: Name
    """dataset/model/scenario."""
    dataset: Name
    model: Name
    scenario: Name
    method: Name
    row: Name
    """The method, with its grid values or label in brackets where it has any."""
    selection: Literal["tuned", "default", ""]
    """Empty for the references, `retrain` and `original`."""
    expected: Positive
    """Final requests that the sweep planned."""
    requests: tuple[Measured, ...]
    failures: tuple[Failure, ...] = ()
    params: dict[str, JsonValue]
    """The chosen candidate's hyperparameters, or the defaults, all of them."""
    tuning: Tuning | None = None
    conditions: tuple[Conditions, ...]
    origin: SweepOrigin
    source: str = ""
    """A paper or an address that describes the row."""
    contributor: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells rows apart."""
        return self.cell, self.row, self.selection

    @property
    def slug(self) -> str:
        """The name of its file, without `.json`."""
        return slug(self.cell, self.row, self.selection or "reference")

    @property
    def newest(self) -> datetime:
        """When the newest of its records was made."""
        return max(held.when for held in self.conditions)

    @property
    def devices(self) -> frozenset[str]:
        """Where it ran."""
        return frozenset(held.device for held in self.conditions)

    @property
    def missing(self) -> int:
        """Planned requests of which there is neither a number nor a failure."""
        return self.expected - len(self.requests) - len(self.failures)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        checks = (self._names, self._counts, self._reference, self._open_values)
        for problem in (check() for check in checks):
            if problem:
                raise mistake(problem)
        return self

    def _names(self) -> str:
        if self.cell != f"{self.dataset}/{self.model}/{self.scenario}":
            return f"cell: {self.cell!r} is not dataset/model/scenario of this row"
        if self.row != self.method and not self.row.startswith(f"{self.method}["):
            return f"row: {self.row!r} is neither the method nor the method with brackets"
        counts = Counter([held.name for held in self.requests])
        counts.update(held.name for held in self.failures)
        name, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
        return f"requests: {name!r} stands {count} times" if count > 1 else ""

    def _counts(self) -> str:
        if not self.conditions:
            return "conditions: at least one is needed"
        held = len(self.requests) + len(self.failures)
        if held > self.expected:
            return f"expected: {self.expected} requests, but {held} are here"
        return "" if held else "requests: there is neither a number nor a failure"

    def _reference(self) -> str:
        is_reference = self.method in REFERENCES
        if is_reference != (self.selection == ""):
            allowed = "empty" if is_reference else "tuned or default"
            return f"selection: that of '{self.method}' must be {allowed}; got {self.selection!r}"
        if (self.tuning is None) != (self.selection != "tuned"):
            return "tuning: a tuned row has it, and no other"
        is_retrain = self.method == "retrain"
        if is_retrain and any(held.gap > TOLERANCE for held in self.requests):
            return "requests: a Retrain's own gap must be 0"
        if not is_retrain and any(held.replicas for held in self.requests):
            return "requests: only Retrain's row has replicas"
        return ""

    def _open_values(self) -> str:
        """What stands where a row may hold anything."""
        for name, value in self.params.items():
            if isinstance(value, dict | list):
                return f"params.{name}: a number, a word, true, false or null is needed"
        nodes = {"params": self.params, "origin.sweep": self.origin.sweep}
        wrong = [name for name, node in nodes.items() if not _is_plain(node)]
        return f"{wrong[0]}: holds a number that is not finite, or broken text" if wrong else ""


def _is_plain(node: Any) -> bool:
    """Whether it can be written as JSON: finite numbers, and text without half characters."""
    try:
        json.dumps(node, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


def to_json(row: BoardRow) -> bytes:
    """Return a row as its file: the same row gives the same bytes."""
    return _pretty(row.model_dump(mode="json", exclude_defaults=True))


def schema_json() -> bytes:
    """Return the JSON Schema of a row (draft 2020-12)."""
    held = BoardRow.model_json_schema()
    return _pretty({"$schema": "https://json-schema.org/draft/2020-12/schema", **held})


def _pretty(node: Mapping[str, Any]) -> bytes:
    return (json.dumps(node, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
