"""All records as one file for other tools."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from mubench.errors import InputError
from mubench.store.store import Store
from mubench.store.table import records_to_table


def export(store: Store, target: Path) -> int:
    """Write the records of a store to a `.parquet` or `.csv` file; return how many.

    Raises:
        InputError: the file cannot be written.
    """
    records = store.scores.add_to(store.records.read())
    table = records_to_table(records[key] for key in sorted(records))
    try:
        if target.suffix == ".parquet":
            pq.write_table(table, target)
        else:
            csv.write_csv(_flat(table), target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror or error}") from error
    return len(records)


def _flat(table: pa.Table) -> pa.Table:
    """Lists as text: CSV has none, so their elements are joined by spaces."""
    for i, column in enumerate(table.schema):
        if pa.types.is_list(column.type):
            texts = [" ".join(map(str, value)) for value in table.column(i).to_pylist()]
            table = table.set_column(i, column.name, [texts])
    return table
