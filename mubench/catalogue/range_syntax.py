"""How ranges of hyperparameters are written in YAML.

Grammar: a scalar is fixed; a list is a grid axis (sweep files only); a mapping is a range:
`{log: [a, b]}`, `{uniform: [a, b]}`, `{int: [a, b]}`, `{choice: [...]}`, `{negate: RANGE}`,
`{complement: RANGE}` (1 - x), `{either: [RANGE, ...]}`.
"""

import math
from collections.abc import Mapping
from typing import Any

from mubench.catalogue.bounds import check_slip
from mubench.catalogue.ranges import (
    Choice,
    Complement,
    Either,
    Fixed,
    Integers,
    Interval,
    Negate,
    Range,
    Scalar,
    is_number,
)
from mubench.errors import InputError, did_you_mean

MOST_OPTIONS = 1000
"""Of a choice: a search tries some dozens of them."""
_KINDS = ("log", "uniform", "int", "choice", "negate", "complement", "either")


def parse_range(node: Any, where: str) -> Range:
    """Read one range from YAML.

    Raises:
        InputError: `node` is not in the grammar; the message begins with `where`.
    """
    if not isinstance(node, Mapping):
        if isinstance(node, list):
            raise InputError(f"{where}: a list is a grid axis and stands in sweep files only")
        return Fixed(parse_scalar(node, where))
    if len(node) != 1:
        raise InputError(f"{where}: a range has one key, one of {', '.join(_KINDS)}; got {node}")
    kind, value = next(iter(node.items()))
    if kind not in _KINDS:
        raise InputError(f"{where}: unknown range '{kind}'; {did_you_mean(str(kind), _KINDS)}")
    if kind in ("log", "uniform", "int"):
        return _parse_interval(kind, value, where)
    if kind in ("negate", "complement"):
        inner = parse_range(value, f"{where}.{kind}")
        if not all(map(is_number, inner.examples)):
            raise InputError(f"{where}.{kind}: a range of numbers is needed; got {value}")
        return Negate(inner) if kind == "negate" else Complement(inner)
    return _parse_options(kind, value, f"{where}.{kind}")


def _parse_options(kind: str, value: Any, where: str) -> Range:
    if not isinstance(value, list) or not value:
        raise InputError(f"{where}: a list of at least one value is needed; got {value}")
    if len(value) > MOST_OPTIONS:
        raise InputError(f"{where}: at most {MOST_OPTIONS:,} options; got {len(value):,}")
    if kind == "choice":
        return Choice(tuple(parse_scalar(v, f"{where}[{i}]") for i, v in enumerate(value)))
    return Either(tuple(parse_range(v, f"{where}[{i}]") for i, v in enumerate(value)))


def _parse_interval(kind: str, value: Any, where: str) -> Range:
    is_pair = isinstance(value, list) and len(value) == 2 and all(map(_is_finite, value))
    if not is_pair or not value[0] < value[1]:
        raise InputError(
            f"{where}.{kind}: two finite numbers, the smaller first, are needed; got {value}"
        )
    low, high = value
    for end in value:
        check_slip("", end, f"{where}.{kind}")
    if kind == "int":
        if not (isinstance(low, int) and isinstance(high, int)):
            raise InputError(f"{where}.int: whole numbers are needed; got {value}")
        return Integers(low, high)
    if kind == "log" and low <= 0:
        raise InputError(f"{where}.log: both ends must be above 0; got {value}")
    return Interval(float(low), float(high), is_log=kind == "log")


def parse_scalar(node: Any, where: str) -> Scalar:
    """A plain value; raises InputError for a list, a mapping, a date, or a number out of bounds."""
    is_wild = isinstance(node, float) and not math.isfinite(node)
    if is_wild or not isinstance(node, str | int | float | bool | None):
        raise InputError(f"{where}: a plain, finite value is needed; got {node}")
    check_slip("", node, where)
    return node


def _is_finite(value: object) -> bool:
    return is_number(value) and math.isfinite(value)
