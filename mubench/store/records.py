"""The records of a store: small Parquet files, merged every 1,000."""

import secrets
from collections.abc import Callable, Iterable
from itertools import chain

import numpy as np
import pyarrow as pa

from mubench.errors import IntegrityError
from mubench.store.columns import check_types
from mubench.store.files import Files
from mubench.store.record import Record, Status
from mubench.store.sealed import check_seal, from_parquet, read_parquet, to_parquet
from mubench.store.table import records_to_table, table_to_records

FOLDER = "records"
COMPACT_EVERY = 1000
BATCH = 64
"""Files that become one table at a time."""
_PART = f"{FOLDER}/part-"


class Records:
    """Appends are atomic; a record that is written again replaces the older one.

    A thousand one-row files take two seconds to read, one file of 100,000 rows a third of one: so
    files are merged. A merged file has a name that no other has, and is written before the files
    in it are deleted; readers keep the newest of two records with one id. So a crash in between
    loses and doubles nothing, and nor does a second writer.

    What was read is kept, compressed, and not read again as long as it has not changed.
    """

    def __init__(self, files: Files, check: Callable[[], None] = lambda: None) -> None:
        """Make the records below some files; `check` raises if this process may not write."""
        self._files = files
        self._check = check
        self._own: dict[str, tuple[Record, ...]] = {}
        self._contents: dict[str, tuple[str, bytes]] = {}

    def append(self, *records: Record) -> None:
        """Write records, those of one call as one file; they are on the disk when this returns.

        Raises:
            StoreError: they cannot be written, or another sweep took the store over.
        """
        self._check()
        if not records:
            return
        name = records[0].id if len(records) == 1 else secrets.token_hex(8)
        path = f"{_PART}{name}.parquet"
        self._files.write(path, _bytes(records_to_table(records)))
        self._own[path] = records
        if len(self._own) >= COMPACT_EVERY:
            self._merge_own()

    def read(self, ids: Iterable[str] | None = None) -> dict[str, Record]:
        """Records by id: all, or those of `ids` that exist."""
        table = self._table()
        if table is None:
            return {}
        if ids is not None:
            wanted = frozenset(ids)
            table = _filtered(table, [key in wanted for key in table["id"].to_pylist()])
        where = self._files.path(FOLDER)
        return {record.id: record for record in table_to_records(table, where)}

    def statuses(self) -> dict[str, Status]:
        """The status of each record by its id, for much less than the records cost."""
        table = self._table(("id", "created", "status"))
        if table is None:
            return {}
        return dict(zip(table["id"].to_pylist(), table["status"].to_pylist(), strict=True))

    def problems(self) -> dict[str, str]:
        """The damaged files, each with what is wrong."""
        found: dict[str, str] = {}
        for name in self._listed():
            try:
                where = self._files.path(name)
                table_to_records(from_parquet(self._files.read(name), where), where)
            except FileNotFoundError:  # merged meanwhile
                continue
            except IntegrityError as error:
                found[name] = str(error)
        return found

    def compact(self) -> None:
        """Merge all files into one; if that is done, it costs two requests."""
        self._check()
        self._merge_own()
        names = self._read_files()
        if len(names) > 1 or any(name.startswith(_PART) for name in names):
            self._replace_all(self._newest(names))

    def discard(self, ids: frozenset[str]) -> None:
        """Delete records, so that their steps run again."""
        if not ids:
            return
        self._check()
        self._merge_own()
        table = self._table()
        if table is not None:
            self._replace_all(_filtered(table, [key not in ids for key in table["id"].to_pylist()]))

    def _merge_own(self) -> None:
        """Merge what this process appended, which it need not read."""
        if self._own:
            self._write_merged(records_to_table(chain.from_iterable(self._own.values())))
            self._files.delete(*self._own)
        self._own = {}

    def _replace_all(self, table: pa.Table) -> None:
        old = sorted(self._contents)
        self._write_merged(table)
        self._files.delete(*old)

    def _write_merged(self, table: pa.Table) -> None:
        name, content = f"{FOLDER}/merged-{secrets.token_hex(8)}.parquet", _bytes(table)
        self._contents[name] = (self._files.write(name, content), content)

    def _table(self, columns: tuple[str, ...] | None = None) -> pa.Table | None:
        return self._newest(self._read_files(), columns)

    def _newest(self, names: list[str], columns: tuple[str, ...] | None = None) -> pa.Table | None:
        """The records of some files, one row per id; of those with one id the newest."""
        groups = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
        table = _merge([_merge([self._decoded(n, columns) for n in group]) for group in groups])
        if table is None:
            return None
        newest: dict[str, int] = {}
        created = table["created"].to_pylist()
        for row, key in enumerate(table["id"].to_pylist()):
            other = newest.setdefault(key, row)
            if created[row] >= created[other]:
                newest[key] = row
        if len(newest) == table.num_rows:
            return table
        rows = set(newest.values())
        return _filtered(table, [row in rows for row in range(table.num_rows)])

    def _read_files(self) -> list[str]:
        """Read the files that are new or have changed; return the names of all, merged first."""
        listed = self._listed()
        while True:
            stale = [n for n, version in listed.items() if self._version(n) != version]
            self._files.overlapped(self._fetch, [(name, listed[name]) for name in stale])
            # A writer may have merged files meanwhile: then some that were listed are gone.
            before, listed = listed, self._listed()
            if before.keys() <= listed.keys() & self._contents.keys():
                break
        self._contents = {name: self._contents[name] for name in sorted(before)}
        return list(self._contents)

    def _listed(self) -> dict[str, str]:
        versions = self._files.versions(FOLDER)
        return {name: version for name, version in versions.items() if name.endswith(".parquet")}

    def _version(self, name: str) -> str | None:
        return self._contents[name][0] if name in self._contents else None

    def _fetch(self, file: tuple[str, str]) -> None:
        name, version = file
        try:
            content = self._files.read(name)
        except FileNotFoundError:
            return
        try:
            check_seal(content, self._files.path(name))
        except IntegrityError as error:
            raise IntegrityError(
                f"{error}; bring back a copy of it, or set it aside with 'mubench store repair': "
                "then a run computes its records again"
            ) from None
        self._contents[name] = (version, content)

    def _decoded(self, name: str, columns: tuple[str, ...] | None) -> pa.Table:
        where = self._files.path(name)
        table = read_parquet(self._contents[name][1], where, columns)
        check_types(table.schema, where)
        return table


def _merge(tables: list[pa.Table | None]) -> pa.Table | None:
    """One table in one piece: a thousand chunks of one row would take 50 MB."""
    present = [table for table in tables if table is not None]
    if not present:
        return None
    return pa.concat_tables(present, promote_options="default").combine_chunks()


def _filtered(table: pa.Table, kept: list[bool]) -> pa.Table:
    """Some rows; all of them without `pyarrow.compute`, which takes longer to load than to use.

    The mask is made of its bits: to make an array of a list, pyarrow loads pandas if it is there.
    """
    if all(kept):
        return table
    bits = pa.py_buffer(np.packbits(np.array(kept), bitorder="little"))
    return table.filter(pa.Array.from_buffers(pa.bool_(), len(kept), [None, bits]))


def _bytes(table: pa.Table) -> bytes:
    """A Parquet file; what makes a large one small would take twice the time of one row's."""
    is_large = table.num_rows > BATCH
    return to_parquet(
        table,
        compression="zstd" if is_large else "none",
        use_dictionary=is_large,
        write_statistics=is_large,
    )
