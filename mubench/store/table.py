"""Records as an Arrow table and back, without loss."""

import dataclasses
import gc
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from operator import attrgetter
from typing import Any

import pyarrow as pa

from mubench.errors import StoreError
from mubench.store.columns import MAPPINGS, METRIC, TYPES, check_columns
from mubench.store.record import SCHEMA, Record

_TUPLES = ("forget_classes", "flags")
_FIELDS = tuple(f.name for f in dataclasses.fields(Record) if f.name != "metrics")


def records_to_table(records: Iterable[Record]) -> pa.Table:
    """One row per record: params, given and versions as JSON, metrics as `metric_*` columns."""
    rows = list(records)
    names = sorted({name for record in rows for name in record.metrics})
    columns = {field: _column(rows, field) for field in _FIELDS}
    for name in names:
        columns[METRIC + name] = pa.array([r.metrics.get(name) for r in rows], pa.float64())
    return pa.table(columns)


def _column(rows: list[Record], field: str) -> pa.Array:
    values: list[Any] = list(map(attrgetter(field), rows))
    if field in MAPPINGS:  # records that came out of one table share these
        unique = {id(value): value for value in values}
        texts = {key: json.dumps(dict(v), sort_keys=True) for key, v in unique.items()}
        values = [texts[id(value)] for value in values]
    elif field in _TUPLES:
        values = [list(value) for value in values]
    return pa.array(values, TYPES[field])


def table_to_records(table: pa.Table, where: str = "records") -> tuple[Record, ...]:
    """The records of a table, in its order; columns that an older schema lacks take their default.

    Raises:
        StoreError: a row was written by a newer mubench.
        IntegrityError: mubench wrote no such table; the message begins with `where`.
    """
    names = [name for name in _FIELDS if name in table.column_names]
    metrics = [name for name in table.column_names if name.startswith(METRIC)]
    check_columns(table, where)
    columns = {name: _values(table.column(name)) for name in names}
    newest = max((v for v in columns.get("schema", ()) if v is not None), default=SCHEMA)
    if newest > SCHEMA:
        raise StoreError(f"records of schema {newest}; this mubench reads {SCHEMA}; update it")
    read = cache(json.loads)  # thousands of records share versions and params: so does memory
    for name in {*MAPPINGS, *_TUPLES}.intersection(names):
        make = read if name in MAPPINGS else tuple
        columns[name] = [None if value is None else make(value) for value in columns[name]]
    rows = zip(*(columns[name] for name in names), strict=True)
    has_gaps = any(table.column(name).null_count for name in names)
    fields = (
        _given(names, row) if has_gaps else dict(zip(names, row, strict=True)) for row in rows
    )
    with no_collection():
        return tuple(
            Record(**row, metrics=values)
            for row, values in zip(fields, _metrics(table, metrics), strict=True)
        )


@contextmanager
def no_collection() -> Iterator[None]:
    """Pause the garbage collector while many lasting objects are made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _values(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column; a text that occurs in many rows is one object."""
    if column.type != pa.string():
        return list(column.to_pylist())
    encoded = column.combine_chunks().dictionary_encode()
    words = [*encoded.dictionary.to_pylist(), None]
    return [words[-1 if at is None else at] for at in encoded.indices.to_pylist()]


def _given(names: list[str], values: tuple[Any, ...]) -> dict[str, Any]:
    """The fields that a row has: a row of an older schema lacks some."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _metrics(table: pa.Table, columns: list[str]) -> Iterable[dict[str, float]]:
    names = [name.removeprefix(METRIC) for name in columns]
    if not names:
        return ({} for _ in range(table.num_rows))
    rows = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
    return (_given(names, row) for row in rows)


def record_to_json(record: Record) -> str:
    """A record as JSON, to send it from a worker to the driver."""
    return json.dumps(dataclasses.asdict(record))


def record_from_json(text: str) -> Record:
    """The record that `record_to_json` wrote."""
    values = json.loads(text)
    for name in _TUPLES:
        values[name] = tuple(values[name])
    return Record(**values)
