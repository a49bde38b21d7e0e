"""Where the record behind a number lies, and the sweep that it belongs to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mubench.errors import InputError
from mubench.store.record import Record
from mubench.store.results import SweepResults
from mubench.store.results_files import no_plan_error, read_folder, read_results
from mubench.store.store import Store
from mubench.sweep.load import parse
from mubench.sweep.spec import SweepSpec

SHORTEST = 6
"""Digits of an id that a person must give at least."""
_LISTED = 8


@dataclass(frozen=True)
class RecordLocation:
    """What is known where a record lies; a store's own files are read and never written."""

    name: str
    sources: tuple[SweepResults, ...]
    """The sweeps that planned it; where none is known to, all that may have."""
    store: Store | None = None
    """What holds references that need not be trained again."""


def in_store(store: Store, row: str) -> tuple[Record, RecordLocation]:
    """Find a record in a store by its id or the first digits of it.

    A sweep that was run again with other code has other steps by now: the record of an old step
    may belong to any of the saved sweeps.

    Raises:
        InputError: no record or several begin so, or no sweep was saved.
    """
    where = f"store {store.uri}"
    record = _only(row, store.records.read().values(), where)
    names = store.sweeps()
    planned = [name for name in names if record.id in store.steps_of(name)]
    return record, _place(where, [read_results(store, name) for name in planned or names], store)


def in_report(folder: Path, row: str) -> tuple[Record, RecordLocation]:
    """Find a record in a report's folder, which is all that its reader has.

    Raises:
        InputError: the folder holds no report, or no record or several begin so.
    """
    source, where = read_folder(folder), f"report {folder}"
    return _only(row, source.latest_records, where), _place(where, [source])


def parsed(source: SweepResults) -> SweepSpec:
    """Return the sweep behind a source, which may have been run on another machine.

    Raises:
        InputError: it is not valid here, or names a file or folder that is not here.
    """
    try:
        return parse(source.document, f"sweep {source.name}")
    except InputError as error:
        lacking = next((path for path in _absent(source.document) if path in str(error)), None)
        if lacking is None:
            raise
        raise InputError(
            f"{error}; the sweep ran on a machine that has {lacking}: copy it to that path here"
        ) from None


def _absent(node: Any) -> Iterator[str]:
    """Files and folders that a sweep names by absolute path, and that are not here."""
    if isinstance(node, Mapping):
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _absent(each)
    elif isinstance(node, str) and node.startswith("/") and not Path(node).exists():
        yield node


def _place(
    where: str, sources: Iterable[SweepResults], store: Store | None = None
) -> RecordLocation:
    known = tuple(source for source in sources if source.document)
    if not known:
        raise no_plan_error(where)
    return RecordLocation(where, known, store)


def _only(row: str, records: Iterable[Record], where: str) -> Record:
    if len(row) < SHORTEST:
        raise InputError(f"'{row}': give a record's id, or at least its first {SHORTEST} digits")
    found = sorted((one for one in records if one.id.startswith(row)), key=lambda one: one.id)
    if not found:
        raise InputError(
            f"'{row}': no record in {where} has this id; the drawer of the report's page shows ids"
        )
    if len(found) > 1:
        listed = ", ".join(f"{one.id} ({_called(one)})" for one in found[:_LISTED])
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise InputError(f"'{row}': several records in {where} begin so: {listed}{more}")
    return found[0]


def _called(record: Record) -> str:
    return " ".join(filter(None, (record.kind, record.row, record.selection, record.request)))
