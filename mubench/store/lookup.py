"""Find a record by its id in a store or a report, and the sweep that it belongs to."""

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
"""Fewest digits of an id that identify a record."""
_LISTED = 8


@dataclass(frozen=True)
class RecordLocation:
    """A store or report that has a record, and its sweeps. Nothing is written to it."""

    name: str
    sources: tuple[SweepResults, ...]
    """The sweeps that planned the record, or all sweeps if none is known to."""
    store: Store | None = None
    """Its stored references need not be trained again."""


def find_in_store(store: Store, prefix: str) -> tuple[Record, RecordLocation]:
    """Find a record in a store by its id or the first digits of it.

    A sweep that was run again with other code has other steps by now: the record of an old step
    may belong to any of the saved sweeps.

    Raises:
        InputError: no record or several begin with it, or no sweep was saved.
    """
    where = f"store {store.uri}"
    record = _only(prefix, store.records.read().values(), where)
    names = store.sweeps()
    planned = [name for name in names if record.id in store.steps_of(name)]
    return record, _location(where, [read_results(store, name) for name in planned or names], store)


def find_in_report(folder: Path, prefix: str) -> tuple[Record, RecordLocation]:
    """Find a record in a report's folder, which is all that its reader has.

    Raises:
        InputError: the folder holds no report, or no record or several begin with it.
    """
    results, where = read_folder(folder), f"report {folder}"
    return _only(prefix, results.latest_records, where), _location(where, [results])


def parse_sweep(results: SweepResults) -> SweepSpec:
    """Return the spec of a sweep that may have been run on another machine.

    Raises:
        InputError: the sweep is not valid here, or names a file or folder that does not exist.
    """
    try:
        return parse(results.document, f"sweep {results.name}")
    except InputError as error:
        missing = next((path for path in _absent(results.document) if path in str(error)), None)
        if missing is None:
            raise
        raise InputError(
            f"{error}; the sweep ran on a machine that has {missing}: copy it to that path here"
        ) from None


def _absent(node: Any) -> Iterator[str]:
    """Files and folders that a sweep names by absolute path and that do not exist."""
    if isinstance(node, Mapping):
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _absent(each)
    elif isinstance(node, str) and node.startswith("/") and not Path(node).exists():
        yield node


def _location(
    where: str, sources: Iterable[SweepResults], store: Store | None = None
) -> RecordLocation:
    known = tuple(results for results in sources if results.document)
    if not known:
        raise no_plan_error(where)
    return RecordLocation(where, known, store)


def _only(prefix: str, records: Iterable[Record], where: str) -> Record:
    if len(prefix) < SHORTEST:
        raise InputError(f"'{prefix}': give a record's id, or at least its first {SHORTEST} digits")
    matches = sorted((one for one in records if one.id.startswith(prefix)), key=lambda one: one.id)
    if not matches:
        raise InputError(f"'{prefix}': no record in {where} has this id; a report's page shows ids")
    if len(matches) > 1:
        listed = ", ".join(f"{one.id} ({_description(one)})" for one in matches[:_LISTED])
        more = f" and {len(matches) - _LISTED} more" if len(matches) > _LISTED else ""
        raise InputError(f"'{prefix}': several records in {where} begin so: {listed}{more}")
    return matches[0]


def _description(record: Record) -> str:
    return " ".join(filter(None, (record.kind, record.row, record.selection, record.request)))
