"""Cells of a table: as numbers, as names of categories, and as what is stored of a row."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mubench.catalogue.features import Feature
from mubench.data.own.contents import Rows
from mubench.data.own.opened import OwnSplit
from mubench.data.tables.formats import holds_text, unwrapped
from mubench.errors import DataError

GAPS = ("", "?", "-", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "NULL", "Null", "null", "None")
"""What people write into a column of numbers where there is none."""
NUMBER = r"^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|(?i:inf(inity)?))$"

Values = NDArray[np.float64]


def pieces(split: OwnSplit, features: Sequence[Feature]) -> Iterator[Values]:
    """Rows (b, C) as `mubench.data.table_transform` takes them.

    Raises:
        DataError: a cell that is no number, or an infinite one, with its file and row.
    """
    for rows in split.rows([feature.name for feature in features]):
        columns = [
            _stored(feature, values, rows)
            for feature, values in zip(features, rows.values, strict=True)
        ]
        yield np.stack(columns, axis=1)


def _stored(feature: Feature, values: pa.Array, rows: Rows) -> Values:
    cells = cells_of(values, f"{rows.path}: column {feature.name}")
    if feature.kind == "numeric":
        _require_numbers(cells, feature.name, rows)
        return numbers_of(cells)
    names = names_of(cells)
    codes = pc.index_in(names, value_set=pa.array(feature.values, pa.string()))
    stored: Values = codes.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.float64)
    stored[names.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return stored


def cells_of(values: pa.Array, what: str) -> pa.Array:
    """A column as float64 or as text without spaces around it; null where nothing is written.

    Raises:
        DataError: values of another kind, such as dates and lists.
    """
    values = unwrapped(values)
    kind = values.type
    if pa.types.is_boolean(kind):
        return pc.if_else(values, "true", "false")
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = values.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(numbers), None, numbers)
    if pa.types.is_null(kind):
        return values.cast(pa.float64())
    if holds_text(kind) or pa.types.is_string_view(kind):
        texts = pc.utf8_trim_whitespace(values.cast(pa.string()))
        return pc.if_else(pc.equal(texts, ""), None, texts)
    hint = "numbers, texts and booleans are read"
    if pa.types.is_temporal(kind):
        hint = "give a number, such as the year or the days since a day"
    raise DataError(f"{what}: values of type {kind}; {hint}, or leave the column out")


def are_numbers(texts: pa.Array) -> NDArray[np.bool_]:
    """Which texts (n,) are numbers."""
    found = pc.fill_null(pc.match_substring_regex(texts, NUMBER), False)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def are_gaps(texts: pa.Array) -> NDArray[np.bool_]:
    """Which texts (n,) say that there is no number."""
    found = pc.or_(pc.is_null(texts), pc.is_in(texts, value_set=pa.array(GAPS)))
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def numbers_of(cells: pa.Array) -> Values:
    """Cells as numbers (n,); NaN where there is none."""
    if pa.types.is_string(cells.type):
        cells = pc.if_else(pa.array(are_numbers(cells)), pc.utf8_ltrim(cells, "+"), None)
        cells = cells.cast(pa.float64())
    numbers: Values = cells.fill_null(np.nan).to_numpy(zero_copy_only=False) + 0.0  # -0 is 0
    numbers[np.isnan(numbers)] = np.nan  # of all its bit patterns one
    return numbers


def names_of(cells: pa.Array) -> pa.Array:
    """Cells as names of categories; 1 and 1.0 are one, null is null."""
    if pa.types.is_string(cells.type):
        return cells
    is_whole = pc.and_(pc.equal(cells, pc.round(cells)), pc.less(pc.abs(cells), 2.0**53))
    whole = pc.if_else(is_whole, cells, None).cast(pa.int64()).cast(pa.string())
    return pc.if_else(pc.fill_null(is_whole, False), whole, cells.cast(pa.string()))


def _require_numbers(cells: pa.Array, column: str, rows: Rows) -> None:
    if pa.types.is_string(cells.type):
        odd = np.flatnonzero(~(are_numbers(cells) | are_gaps(cells)))
        if len(odd):
            raise DataError(
                f"{rows.where(int(odd[0]))}: '{cells[int(odd[0])]}' is no number, but column "
                f"{column} is numeric; mend it, or say categorical: [{column}]"
            )
    infinite = np.flatnonzero(np.isinf(numbers_of(cells)))
    if len(infinite):
        raise DataError(
            f"{rows.where(int(infinite[0]))}: column {column} has an infinite number; mend it, or "
            "leave it empty"
        )
