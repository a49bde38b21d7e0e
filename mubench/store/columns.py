"""The columns of a table of records, and whether a table has them.

Whoever can write a file can seal it: a table from elsewhere is checked before its values are used.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, get_args

import pyarrow as pa

from mubench.data.scenario import Purpose
from mubench.errors import IntegrityError, is_one_line
from mubench.store.record import Record, Status
from mubench.store.sealed import is_text
from mubench.sweep.kinds import Selection, StepKind

METRIC = "metric_"
"""Prefix of metric columns: each metric is a column of its own, so that tools can read it."""

MAPPINGS = ("params", "given", "versions", "numerics", "phases")
TYPES: dict[str, pa.DataType] = {
    **{f.name: pa.string() for f in dataclasses.fields(Record)},
    **dict.fromkeys(
        (
            "seed_train",
            "seed_forget",
            "n_forget",
            "n_retain",
            "replica",
            "repeat",
            "round",
            "place",
            "candidate",
            "trials",
            "free_dimensions",
            "threads",
            "schema",
        ),
        pa.int64(),
    ),
    "seconds": pa.float64(),
    "exclusive": pa.bool_(),
    "forget_classes": pa.list_(pa.int64()),
    "flags": pa.list_(pa.string()),
}

_PROSE = frozenset({"message", "traceback", *MAPPINGS})
"""Text that may have several lines; all other text is names."""
_WORDS: Mapping[str, frozenset[str]] = {
    "kind": frozenset(get_args(StepKind)),
    "status": frozenset(get_args(Status)),
    "purpose": frozenset(("", *get_args(Purpose))),
    "selection": frozenset(("", *get_args(Selection))),
}
_NEEDED = tuple(
    f.name
    for f in dataclasses.fields(Record)
    if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
)


def check_types(schema: pa.Schema, where: str) -> None:
    """Pass if a table has an id and a time for each row, and no column of another type.

    Raises:
        IntegrityError: it has not.
    """
    if len(set(schema.names)) < len(schema.names):
        raise IntegrityError(f"{where}: two columns of one name")
    missing = next((name for name in ("id", "created") if name not in schema.names), None)
    if missing is not None:
        raise IntegrityError(f"{where}: records without {missing}")
    for name in schema.names:
        expected = pa.float64() if name.startswith(METRIC) else TYPES.get(name)
        found = schema.field(name).type
        if expected is not None and found != expected:
            raise IntegrityError(f"{where}: {name}: {expected} is needed, got {found}")


def check_columns(table: pa.Table, where: str) -> None:
    """Pass if every column of a table can be one of records.

    Raises:
        IntegrityError: a column is missing, has another type, or holds what no record can.
    """
    check_types(table.schema, where)
    for name in _NEEDED:
        if name not in table.column_names or table.column(name).null_count:
            raise IntegrityError(f"{where}: records without {name}")
    for name in table.column_names:
        column = table.column(name)
        if TYPES.get(name) == pa.string():
            _check_texts(name, _distinct(column), where)
        elif name == "flags":
            flags = pa.chunked_array([column.combine_chunks().flatten()])
            _check_texts(name, _distinct(flags), where)
        elif name.startswith(METRIC):
            _check_texts(name, [name], where)


def _check_texts(name: str, texts: list[str], where: str) -> None:
    is_right: Callable[[str], Any] = is_one_line
    if name in _WORDS:
        is_right = _WORDS[name].__contains__
    elif name in MAPPINGS:
        is_right = _is_mapping
    elif name in _PROSE:
        return
    wrong = next((text for text in texts if not is_right(text)), None)
    if wrong is not None:
        raise IntegrityError(f"{where}: {name}: {wrong[:_SHOWN]!r} is none that mubench writes")


_SHOWN = 60


def _is_mapping(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict) and is_text(text.encode())
    except (ValueError, RecursionError):
        return False


def _distinct(column: pa.ChunkedArray) -> list[str]:
    """The different texts of a column."""
    encoded = column.combine_chunks().dictionary_encode()
    return [text for text in encoded.dictionary.to_pylist() if text is not None]
