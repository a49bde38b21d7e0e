"""Records as an Arrow table and back, without loss."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import pyarrow as pa

from mubench.errors import StoreError
from mubench.record import SCHEMA, Record

METRIC = "metric_"
"""Prefix of metric columns: each metric is a column of its own, so that tools can read it."""

_TUPLES = ("forget_classes", "flags")
_MAPPINGS = ("params", "given", "versions")
_TYPES: dict[str, pa.DataType] = {
    **{f.name: pa.string() for f in dataclasses.fields(Record)},
    **dict.fromkeys(
        (
            "seed_train",
            "seed_forget",
            "n_forget",
            "n_retain",
            "replica",
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
_FIELDS = tuple(f.name for f in dataclasses.fields(Record) if f.name != "metrics")


def records_to_table(records: Iterable[Record]) -> pa.Table:
    """One row a record; params, given and versions as JSON text, metrics as `metric_*` columns."""
    rows = list(records)
    names = sorted({name for record in rows for name in record.metrics})
    columns = {field: _column(rows, field) for field in _FIELDS}
    for name in names:
        columns[METRIC + name] = pa.array([r.metrics.get(name) for r in rows], pa.float64())
    return pa.table(columns)


def _column(rows: list[Record], field: str) -> pa.Array:
    values = [getattr(record, field) for record in rows]
    if field in _MAPPINGS:  # records that came out of one table share these
        texts = {id(value): json.dumps(dict(value), sort_keys=True) for value in values}
        values = [texts[id(value)] for value in values]
    elif field in _TUPLES:
        values = [list(value) for value in values]
    return pa.array(values, _TYPES[field])


def table_to_records(table: pa.Table) -> tuple[Record, ...]:
    """The records of a table, in its order; columns that an older schema lacks take their default.

    Raises:
        StoreError: a row was written by a newer mubench.
    """
    metrics = [name for name in table.column_names if name.startswith(METRIC)]
    fields = [name for name in _FIELDS if name in table.column_names]
    columns = {name: table.column(name).to_pylist() for name in (*fields, *metrics)}
    newest = max((v for v in columns.get("schema", ()) if v is not None), default=SCHEMA)
    if newest > SCHEMA:
        raise StoreError(f"records of schema {newest}; this mubench reads {SCHEMA}; update it")
    read = cache(json.loads)  # thousands of records share versions and params: so does memory
    return tuple(_record(columns, fields, metrics, row, read) for row in range(table.num_rows))


def record_to_json(record: Record) -> str:
    """A record as text, for the way from a worker to the driver."""
    return json.dumps(dataclasses.asdict(record))


def record_from_json(text: str) -> Record:
    """The record that `record_to_json` wrote."""
    values = json.loads(text)
    for name in _TUPLES:
        values[name] = tuple(values[name])
    return Record(**values)


def _record(
    columns: Mapping[str, list[Any]],
    fields: list[str],
    metrics: list[str],
    row: int,
    read: Callable[[str], Any],
) -> Record:
    values: dict[str, Any] = {}
    for name in fields:
        value = columns[name][row]
        if value is None:  # a row of an older schema in a table with newer ones
            continue
        if name in _MAPPINGS:
            value = read(value)
        elif isinstance(value, list):
            value = tuple(value)
        values[name] = value
    values["metrics"] = {
        name.removeprefix(METRIC): columns[name][row]
        for name in metrics
        if columns[name][row] is not None
    }
    return Record(**values)
