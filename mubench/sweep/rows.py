"""The rows of a results table: methods, their spaces, and the points of their grid axes."""

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from mubench.catalogue import cards
from mubench.catalogue.bounds import check_bounds, check_slip
from mubench.catalogue.range_syntax import parse_range, parse_scalar
from mubench.catalogue.ranges import Fixed, Range, Scalar, is_number
from mubench.catalogue.search_space import Space
from mubench.errors import InputError, did_you_mean


@dataclass(frozen=True)
class Row:
    """One row of the results table: a method with its space, and grid values if it has any."""

    label: str
    method: str
    space: Space
    given: Mapping[str, Scalar]
    """Values that the sweep file fixes."""


def rows_of(methods: Mapping[str, Any], shared: Mapping[str, Any]) -> tuple[Row, ...]:
    """Expand `methods` of a sweep file; `shared` goes to every method that has such a parameter.

    Raises:
        InputError: an unknown method or key, a wrong type, a malformed range, two equal labels.
    """
    rows: list[Row] = []
    known: set[str] = set()
    for name, variants in methods.items():
        space = cards.method(name).space
        known |= set(space.defaults)
        if variants == []:
            raise InputError(f"methods.{name}: empty list; write {{}} for the defaults")
        for variant in variants if isinstance(variants, list) else [variants]:
            rows += _variant(name, space, {} if variant is None else variant, shared)
            if len(rows) > MOST_ROWS:
                raise InputError(f"methods.{name}: {_TOO_MANY}")
    for key in shared:
        if key not in known:
            raise InputError(f"shared.{key}: no method has it; {did_you_mean(key, known)}")
    _check_distinct(rows)
    return tuple(rows)


def _check_distinct(rows: list[Row]) -> None:
    counts = Counter(row.label for row in rows)
    for label, count in counts.items():
        if count > 1:
            raise InputError(
                f"methods: two rows have the name '{label}'; give one a 'label', or vary a list"
            )
    first: dict[Hashable, Row] = {}
    for row in rows:
        what = (row.method, tuple((param.default, param.range) for param in row.space.params))
        twin = first.setdefault(what, row)
        if twin is not row:
            raise InputError(f"methods: rows '{twin.label}' and '{row.label}' are identical")


def _variant(name: str, space: Space, variant: Any, shared: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of one method entry: one for each point of its grid axes."""
    where = f"methods.{name}"
    if not isinstance(variant, Mapping):
        raise InputError(f"{where}: a mapping of hyperparameters is needed; got {variant!r}")
    defaults = space.defaults
    variant = dict(variant)
    name_of_row = _label(variant.pop("label", None), where)
    for key in variant:
        if key not in defaults:
            raise InputError(f"{where}.{key}: unknown key; {did_you_mean(str(key), defaults)}")
    nodes = {key: node for key, node in shared.items() if key in defaults} | dict(variant)
    # In the order of the card: a label, and the ids it is part of, do not depend on the file's.
    axes = {
        key: [parse_scalar(value, f"{where}.{key}[{i}]") for i, value in enumerate(nodes[key])]
        for key in defaults
        if isinstance(nodes.get(key), list)
    }
    for key, values in axes.items():
        if not values:
            raise InputError(f"{where}.{key}: an empty grid axis; name at least one value")
    ranges: dict[str, Range] = {
        key: parse_range(node, f"{where}.{key}") for key, node in nodes.items() if key not in axes
    }
    if prod(map(len, axes.values())) > MOST_ROWS:
        sizes = " x ".join(str(len(values)) for values in axes.values())
        raise InputError(f"{where}: a grid of {sizes} points: {_TOO_MANY}")
    _check_types(axes, ranges, space, where)
    for point in product(*axes.values()):
        fixed = dict(zip(axes, point, strict=True))
        label = ",".join([*name_of_row, *(f"{key}={value}" for key, value in fixed.items())])
        if len(label) > MOST_LABEL:
            raise InputError(
                f"{where}: the name of a row has {len(label)} characters, at most {MOST_LABEL}; "
                "give fewer lists at once"
            )
        chosen = ranges | {key: Fixed(value) for key, value in fixed.items()}
        given = {key: r.value for key, r in chosen.items() if isinstance(r, Fixed)}
        yield Row(f"{name}[{label}]" if label else name, name, space.narrowed(chosen), given)


MOST_ROWS = 1000
"""Of a results table."""
MOST_LABEL = 200
_TOO_MANY = f"at most {MOST_ROWS:,} rows; shorten a list, or divide the sweep"


def _check_types(
    axes: Mapping[str, list[Scalar]], ranges: Mapping[str, Range], space: Space, where: str
) -> None:
    """Check every value once, however many points of the grid have it."""
    for key, values in axes.items():
        for value in values:
            _check_type(key, Fixed(value), space, f"{where}.{key}")
    for key, chosen in ranges.items():
        _check_type(key, chosen, space, f"{where}.{key}")


def _label(value: Any, where: str) -> list[str]:
    """What the sweep file calls a variant; a letter, then letters, digits, spaces, `+ . _ -`."""
    if value is None:
        return []
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9 +._-]{0,39}", value):
        raise InputError(
            f"{where}.label: a letter, then at most 39 letters, digits, spaces, +, ., _ or -; "
            f"got {value!r}"
        )
    return [value]


def _check_type(key: str, chosen: Range, space: Space, where: str) -> None:
    """Refuse values that are not of the default's type; None as a default allows anything."""
    default = space.defaults[key]
    # A word that another parameter waits for, as in `when: {alpha: adaptive}`, is fine as well.
    awaited = {p.when[key] for p in space.params if key in p.when}
    words = next(p.words for p in space.params if p.name == key)
    for value in chosen.examples:
        if value in awaited:
            continue
        if not _has_type_of(default, value):
            kind = {"str": "a string", "int": "a whole number", "bool": "true or false"}.get(
                type(default).__name__, "a number"
            )
            raise InputError(f"{where}: {kind} is needed; got {value!r}")
        if words and value not in words:
            raise InputError(f"{where}: unknown value {value!r}; {did_you_mean(str(value), words)}")
        check_bounds(key, value, where)
        check_slip(key, value, where)


def _has_type_of(default: Scalar, value: Scalar) -> bool:
    if isinstance(default, float):
        return is_number(value)
    return default is None or type(value) is type(default)
