"""All rows that stores, tracking servers, report folders and files of rows hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mubench.errors import InputError
from mubench.leaderboard.read_rows import read_rows
from mubench.leaderboard.row import BoardRow
from mubench.leaderboard.rows_from_results import rows_of
from mubench.store.gathered import saved
from mubench.store.results import ReportSource
from mubench.store.results_files import read_folder
from mubench.store.store import Store


@dataclass(frozen=True)
class Places:
    """Where rows come from."""

    stores: Sequence[str] = ()
    tracking: Sequence[str] = ()
    reports: Sequence[Path] = ()
    rows: Sequence[Path] = ()


def collect(places: Places) -> tuple[BoardRow, ...]:
    """Return the rows of all sweeps, and those that others contributed.

    Raises:
        InputError: a place that is not there, or a row that is wrong.
        TrackingError: a server does not answer.
    """
    made = [row for source in _sources(places) for row in rows_of(source)]
    return (*made, *read_rows(places.rows))


def _sources(places: Places) -> Iterator[ReportSource]:
    for uri in places.stores:
        store = Store(uri)
        if not store.exists:
            raise InputError(f"{uri}: no store is there; give another --store")
        yield from (saved(store, name) for name in store.sweeps())
    for uri in places.tracking:
        from mubench.tracking.artifacts import read_source, sent_sweeps  # here: MLflow is heavy

        yield from (read_source(name, uri) for name in sent_sweeps(uri))
    yield from map(read_folder, places.reports)
