"""Records as an Arrow table and back, without loss."""

import dataclasses
import json
from collections.abc import Iterable
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
    names = [name for name in _FIELDS if name in table.column_names]
    metrics = [name for name in table.column_names if name.startswith(METRIC)]
    columns = {name: table.column(name).to_pylist() for name in names}
    newest = max((v for v in columns.get("schema", ()) if v is not None), default=SCHEMA)
    if newest > SCHEMA:
        raise StoreError(f"records of schema {newest}; this mubench reads {SCHEMA}; update it")
    read = cache(json.loads)  # thousands of records share versions and params: so does memory
    for name in _MAPPINGS:
        columns[name] = [v if v is None else read(v) for v in columns.get(name, ())]
    for name in _TUPLES:
        columns[name] = [v if v is None else tuple(v) for v in columns.get(name, ())]
    there = [name for name in names if columns[name]]
    return tuple(
        Record(**_given(there, values), metrics=held)
        for values, held in zip(
            zip(*(columns[name] for name in there), strict=True),
            _metrics(table, metrics),
            strict=True,
        )
    )


def _given(names: list[str], values: tuple[Any, ...]) -> dict[str, Any]:
    """Fields that a row has; one of an older schema, among newer ones, lacks some."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _metrics(table: pa.Table, columns: list[str]) -> Iterable[dict[str, float]]:
    names = [name.removeprefix(METRIC) for name in columns]
    if not names:
        return ({} for _ in range(table.num_rows))
    rows = zip(*(table.column(name).to_pylist() for name in columns), strict=True)
    return (_given(names, row) for row in rows)


def record_to_json(record: Record) -> str:
    """A record as text, for the way from a worker to the driver."""
    return json.dumps(dataclasses.asdict(record))


def record_from_json(text: str) -> Record:
    """The record that `record_to_json` wrote."""
    values = json.loads(text)
    for name in _TUPLES:
        values[name] = tuple(values[name])
    return Record(**values)
