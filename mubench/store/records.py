"""The records of a store: one small Parquet file per record, merged every 1,000 records."""

import io
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from mubench.errors import IntegrityError
from mubench.store.files import Files
from mubench.store.record import Record
from mubench.store.table import records_to_table, table_to_records

FOLDER = "records"
COMPACT = f"{FOLDER}/compact.parquet"
COMPACT_EVERY = 1000
BATCH = 64
"""Files merged at a time."""


class Records:
    """Appends are atomic; a record that is written again replaces the older one.

    A thousand one-row files take two seconds to read, one file of 100,000 rows a third of one: so
    `compact` merges them. It writes the merged file before it deletes the parts, and readers keep
    the newest of two records with one id: a crash in between loses and doubles nothing.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._parts = 0

    def append(self, record: Record) -> None:
        """Write a record; it is on the disk when this returns."""
        self._files.write(f"{FOLDER}/part-{record.id}.parquet", _bytes(records_to_table([record])))
        self._parts += 1
        if self._parts >= COMPACT_EVERY:
            self.compact()

    def read(self, ids: Iterable[str] | None = None) -> dict[str, Record]:
        """Records by id: all, or those of `ids` that exist."""
        table = self._table()
        if table is None:
            return {}
        if ids is not None:
            wanted = frozenset(ids)
            table = _filtered(table, [key in wanted for key in table["id"].to_pylist()])
        return {record.id: record for record in table_to_records(table)}

    def compact(self) -> None:
        """Merge all parts into one file."""
        parts = self._part_names()
        if parts:
            table = self._table()
            if table is not None:
                self._files.write(COMPACT, _bytes(table))
            for name in parts:
                self._files.delete(name)
        self._parts = 0

    def discard(self, ids: frozenset[str]) -> None:
        """Delete records, so that their steps run again."""
        table = self._table()
        if table is None or not ids:
            return
        kept = _filtered(table, [key not in ids for key in table["id"].to_pylist()])
        self._files.write(COMPACT, _bytes(kept))
        for name in self._part_names():
            self._files.delete(name)

    def _table(self) -> pa.Table | None:
        # A writer may merge the parts meanwhile: whoever misses one finds it in the merged file.
        names = self._part_names()
        groups = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
        merged = [_merge([self._read(name) for name in group]) for group in groups]
        table = _merge([self._read(COMPACT), *merged])
        if table is None:
            return None
        newest: dict[str, int] = {}
        for row, (key, created) in enumerate(
            zip(table["id"].to_pylist(), table["created"].to_pylist(), strict=True)
        ):
            other = newest.get(key)
            if other is None or created >= table["created"][other].as_py():
                newest[key] = row
        rows = set(newest.values())
        return _filtered(table, [row in rows for row in range(table.num_rows)])

    def _read(self, name: str) -> pa.Table | None:
        try:
            content = self._files.read(name)
        except FileNotFoundError:
            return None
        try:
            return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        except (pa.ArrowException, OSError) as error:
            where = self._files.path(name)
            raise IntegrityError(
                f"{where}: not readable; delete it and run the sweep again to make its records anew"
            ) from error

    def _part_names(self) -> list[str]:
        return [n for n in self._files.list(FOLDER, ".parquet") if n != COMPACT]


def _merge(tables: list[pa.Table | None]) -> pa.Table | None:
    """One table in one piece: a thousand chunks of one row would take 50 MB."""
    present = [table for table in tables if table is not None]
    if not present:
        return None
    return pa.concat_tables(present, promote_options="default").combine_chunks()


def _filtered(table: pa.Table, kept: list[bool]) -> pa.Table:
    """Some rows; all of them without `pyarrow.compute`, which takes longer to load than to use."""
    return table if all(kept) else table.filter(pa.array(kept, pa.bool_()))


def _bytes(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
