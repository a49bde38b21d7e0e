"""The rows of a results table: methods, their spaces, and the points of their grid axes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from mubench import catalogue
from mubench.errors import InputError, did_you_mean
from mubench.spaces import Fixed, Range, Scalar, Space, parse_range


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
        space = catalogue.method(name).space
        known |= set(space.defaults)
        for variant in variants if isinstance(variants, list) else [variants]:
            rows += _variant(name, space, variant or {}, shared)
    for key in shared:
        if key not in known:
            raise InputError(f"shared.{key}: no method has it; {did_you_mean(key, known)}")
    labels = [row.label for row in rows]
    for label in labels:
        if labels.count(label) > 1:
            raise InputError(
                f"methods: two rows are called '{label}'; vary a list to tell them apart"
            )
    return tuple(rows)


def _variant(name: str, space: Space, variant: Any, shared: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of one method entry: one for each point of its grid axes."""
    where = f"methods.{name}"
    if not isinstance(variant, Mapping):
        raise InputError(f"{where}: a mapping of hyperparameters is needed; got {variant!r}")
    defaults = space.defaults
    for key in variant:
        if key not in defaults:
            raise InputError(f"{where}.{key}: unknown key; {did_you_mean(key, defaults)}")
    nodes = {key: node for key, node in shared.items() if key in defaults} | dict(variant)
    axes = {key: node for key, node in nodes.items() if isinstance(node, list)}
    ranges: dict[str, Range] = {
        key: parse_range(node, f"{where}.{key}") for key, node in nodes.items() if key not in axes
    }
    for point in product(*axes.values()):
        fixed = dict(zip(axes, point, strict=True))
        label = ",".join(f"{key}={value}" for key, value in fixed.items())
        chosen = ranges | {key: Fixed(value) for key, value in fixed.items()}
        for key, chosen_range in chosen.items():
            _check_type(chosen_range, defaults[key], f"{where}.{key}")
        given = {key: r.value for key, r in chosen.items() if isinstance(r, Fixed)}
        yield Row(f"{name}[{label}]" if label else name, name, space.narrowed(chosen), given)


def _check_type(chosen: Range, default: Scalar, where: str) -> None:
    if not isinstance(chosen, Fixed) or default is None or isinstance(default, str):
        return
    value = chosen.value
    is_bool, wants_bool = isinstance(value, bool), isinstance(default, bool)
    is_fine = is_bool == wants_bool and isinstance(value, int | float)
    if isinstance(default, int) and not wants_bool:
        is_fine = is_fine and isinstance(value, int)
    if not is_fine and not (isinstance(default, float) and value == "adaptive"):
        raise InputError(f"{where}: {type(default).__name__} is needed; got {value!r}")
