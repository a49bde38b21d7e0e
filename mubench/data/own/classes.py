"""Values of a column as numbered classes: numbers, texts, booleans and dictionaries alike.

Classes are what occurs, in a stated order: that of the schema's class names, else sorted, numbers
by value. They are counted, never assumed to be 0 to K - 1.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mubench.data.sources.partition import Ints
from mubench.data.tables.formats import unwrapped
from mubench.errors import DataError

Value = int | str
MOST = 100_000
"""Distinct values of a column; more are ids, not classes."""
NUMBER = r"[+-]?\d{1,15}(\.\d*)?"
UNLABELLED = -1
"""What the hub writes for examples whose label is kept secret."""


@dataclass(frozen=True)
class Classes:
    """Classes in order: `values` of the column, and `names` for people."""

    values: tuple[Value, ...]
    names: tuple[str, ...]

    def numbers(self, values: pa.Array) -> Ints:
        """The class of each value (n,); -1 where it has none."""
        found = pc.index_in(values, value_set=pa.array(self.values, values.type))
        numbers: Ints = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return numbers


def classes_of(values: Iterable[Value], schema_names: Sequence[str]) -> Classes:
    """The classes of a column's distinct values; `schema_names[i]` is the name of the number i.

    Raises:
        DataError: a number has no name in the schema, or two have the same.
    """
    ordered = sorted(values, key=_order)
    if not schema_names:
        return Classes(tuple(ordered), tuple(map(str, ordered)))
    strange = [v for v in ordered if not isinstance(v, int) or not 0 <= v < len(schema_names)]
    if strange:
        raise DataError(
            f"value {strange[0]!r} has no name: the schema has {len(schema_names)}, "
            f"{schema_names[0]}, ..."
        )
    names = tuple(schema_names[int(value)] for value in ordered)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"the schema has two classes called '{twice}'; rename one")
    return Classes(tuple(ordered), names)


def plain(values: pa.Array, what: str) -> pa.Array:
    """Values as int64 or string, so that those of all files compare.

    Whole floats are numbers, as a column of integers with gaps becomes in many programs; booleans
    are `false` and `true`.

    Args:
        values: one batch of a column.
        what: the file and column, for messages.

    Raises:
        DataError: values of a type that names no class; the type is told.
    """
    values = unwrapped(values)
    kind = values.type
    if pa.types.is_boolean(kind):
        return pc.if_else(values, "true", "false")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _whole(values, what)
    if pa.types.is_null(kind):
        return values.cast(pa.string())
    if _is_text(kind):
        try:
            return values.cast(pa.string())
        except pa.ArrowInvalid as error:
            raise DataError(f"{what}: bytes that are no UTF-8; names are needed") from error
    raise DataError(
        f"{what}: values of type {kind}; each example needs a whole number, a name or a boolean"
    )


def missing(values: pa.Array, *, has_names: bool) -> Ints:
    """Rows (m,) of plain values that say no class: null, an empty text, -1 beside names."""
    none = pc.is_null(values)
    if pa.types.is_string(values.type):
        none = pc.or_(none, pc.fill_null(pc.equal(pc.utf8_trim_whitespace(values), ""), True))
    elif has_names:
        none = pc.or_(none, pc.fill_null(pc.equal(values, UNLABELLED), True))
    return np.flatnonzero(none.to_numpy(zero_copy_only=False))


def _whole(values: pa.Array, what: str) -> pa.Array:
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid as error:
        odd = pc.filter(values, pc.not_equal(values, pc.round(values)))
        shown = odd[0].as_py() if len(odd) else pc.max(values).as_py()
        wanted = "whole numbers or names" if len(odd) else "numbers below 2^63, or names,"
        raise DataError(f"{what}: {shown} is no class; {wanted} are needed") from error


def alike(names: Sequence[str]) -> tuple[str, str] | None:
    """Two classes whose names differ in case, spaces or the form of letters alone, or None.

    So do numbers that are written in two ways, such as 1 and 1.0.
    """
    seen: dict[str, str] = {}
    for name in names:
        form = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
        if re.fullmatch(NUMBER, form):
            form = repr(float(form))
        if form in seen:
            return seen[form], name
        seen[form] = name
    return None


def _is_text(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_binary,
        pa.types.is_string_view,
    )
    return any(test(kind) for test in tests)


def _order(value: Value) -> tuple[int, int, str]:
    """Numbers by value, also those that are written as texts; then texts."""
    if isinstance(value, int):
        return (0, value, "")
    text = value.strip()
    is_number = text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 19
    return (0, int(text), value) if is_number else (1, 0, value)
