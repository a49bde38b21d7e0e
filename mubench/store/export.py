"""All records as one file for other tools."""

from pathlib import Path

import pyarrow.parquet as pq
from pyarrow import csv

from mubench.store.store import Store
from mubench.store.table import records_to_table


def export(uri: str, target: Path) -> int:
    """Write the records of a store to a `.parquet` or `.csv` file; return how many."""
    records = Store(uri).records.read()
    table = records_to_table(records[key] for key in sorted(records))
    if target.suffix == ".parquet":
        pq.write_table(table, target)
    else:
        lists = [i for i, f in enumerate(table.schema) if str(f.type).startswith("list")]
        for i in lists:  # CSV has no lists
            name = table.schema.names[i]
            texts = [" ".join(map(str, value)) for value in table.column(i).to_pylist()]
            table = table.set_column(i, name, [texts])
        csv.write_csv(table, target)
    return len(records)
