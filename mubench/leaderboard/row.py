"""One row of the board as a file: one method (or a reference) in one cell under one selection.

Others contribute rows as JSON: a row has the values that its numbers follow from, and is checked
for contradictions.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import JsonValue, model_validator

from mubench.catalogue.validation import Strict, input_error
from mubench.leaderboard.row_fields import (
    TOLERANCE,
    Conditions,
    Failure,
    Measured,
    Name,
    Positive,
    SweepOrigin,
    Tuning,
)
from mubench.leaderboard.slug import slug
from mubench.report.analysis.format import row_title
from mubench.store.sums import sha256
from mubench.sweep.kinds import REFERENCES, RETRAIN

FORMAT: Literal[1] = 1
"""Version of the file; a row of a newer one is refused."""


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
        """Identifies the row: cell, row and selection."""
        return self.cell, self.row, self.selection

    @property
    def title(self) -> str:
        """The row's name for people."""
        return row_title(self.row, self.method, self.params)

    @property
    def slug(self) -> str:
        """The name of its file, without `.json`."""
        return slug(self.cell, self.row, self.selection or "reference")

    @property
    def luck(self) -> float:
        """Standard deviation of its mean gap that comes from tuning; 0 where it was not tuned."""
        return self.tuning.luck if self.tuning else 0.0

    @property
    def newest(self) -> datetime:
        """Time of its newest record."""
        return max(c.when for c in self.conditions)

    @property
    def devices(self) -> frozenset[str]:
        """Devices of its records."""
        return frozenset(c.device for c in self.conditions)

    @property
    def records(self) -> frozenset[str]:
        """Ids of its records."""
        return frozenset(key for c in self.conditions for key in c.records)

    @property
    def missing(self) -> int:
        """Number of planned requests with neither a number nor a failure."""
        return self.expected - len(self.requests) - len(self.failures)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        checks = (self._names, self._counts, self._reference, self._open_values)
        for problem in (check() for check in checks):
            if problem:
                raise input_error(problem)
        return self

    def _names(self) -> str:
        if self.cell != f"{self.dataset}/{self.model}/{self.scenario}":
            return f"cell: {self.cell!r} is not dataset/model/scenario of this row"
        if self.row != self.method and not self.row.startswith(f"{self.method}["):
            return f"row: {self.row!r} is neither the method nor the method with brackets"
        counts = Counter([request.name for request in self.requests])
        counts.update(request.name for request in self.failures)
        name, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
        return f"requests: {name!r} is listed {count} times" if count > 1 else ""

    def _counts(self) -> str:
        if not self.conditions:
            return "conditions: at least one is needed"
        count = len(self.requests) + len(self.failures)
        if count > self.expected:
            return f"expected: {self.expected} requests, but the row has {count}"
        return "" if count else "requests: neither a number nor a failure"

    def _reference(self) -> str:
        is_reference = self.method in REFERENCES
        if is_reference and self.row != self.method:
            return f"row: a reference has one row, '{self.method}'; got {self.row!r}"
        if is_reference != (self.selection == ""):
            allowed = "empty" if is_reference else "tuned or default"
            return f"selection: that of '{self.method}' must be {allowed}; got {self.selection!r}"
        if (self.tuning is None) != (self.selection != "tuned"):
            return "tuning: required for a tuned row, and allowed for no other"
        is_retrain = self.method == RETRAIN
        if is_retrain and any(request.gap > TOLERANCE for request in self.requests):
            return "requests: a Retrain's own gap must be 0"
        if not is_retrain and any(request.replicas for request in self.requests):
            return "requests: only Retrain's row has replicas"
        return ""

    def _open_values(self) -> str:
        """Check the values of open mappings."""
        for name, value in self.params.items():
            if isinstance(value, dict | list):
                return f"params.{name}: a number, a string, true, false or null is needed"
        nodes = {"params": self.params, "origin.sweep": self.origin.sweep}
        wrong = [name for name, node in nodes.items() if not _is_plain(node)]
        return (
            f"{wrong[0]}: contains a number that is not finite, or text that is not Unicode"
            if wrong
            else ""
        )


def _is_plain(node: Any) -> bool:
    """Whether it can be written as JSON: finite numbers, no lone surrogates in text."""
    try:
        json.dumps(node, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


def to_json(row: BoardRow) -> bytes:
    """Return a row as its file, with its checksum: the same row gives the same bytes."""
    node = row.model_dump(mode="json", exclude_defaults=True)
    return _pretty({**node, CHECKSUM: checksum_of(row)})


CHECKSUM = "checksum"
"""The key of a row's checksum in its file."""


def checksum_of(row: BoardRow) -> str:
    """Return the SHA-256 of a row as JSON with sorted keys, in hexadecimal digits.

    Who contributes a row adds `source` and `contributor`: these it does not cover.
    """
    node = row.model_dump(mode="json", exclude_defaults=True, exclude={"source", "contributor"})
    return sha256(json.dumps(node, sort_keys=True).encode())


def schema_json() -> bytes:
    """Return the JSON Schema of a row (draft 2020-12)."""
    schema = BoardRow.model_json_schema()
    schema["properties"][CHECKSUM] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    return _pretty({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def _pretty(node: Mapping[str, Any]) -> bytes:
    return (json.dumps(node, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()
