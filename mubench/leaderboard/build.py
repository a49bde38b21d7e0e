"""Build a board: collect the rows of all sources, rank them, write the site."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mubench.errors import InputError
from mubench.leaderboard.board import make_board
from mubench.leaderboard.read_rows import read_rows
from mubench.leaderboard.row import BoardRow
from mubench.leaderboard.rows_from_results import rows_from_results
from mubench.leaderboard.site import site_files
from mubench.leaderboard.write_site import WrittenSite, write_site
from mubench.store.results import SweepResults
from mubench.store.results_files import read_folder, read_results
from mubench.store.store import Store


@dataclass(frozen=True)
class RowSources:
    """Where rows come from."""

    stores: Sequence[str] = ()
    tracking: Sequence[str] = ()
    """Addresses of MLflow servers."""
    reports: Sequence[Path] = ()
    """Folders of reports."""
    rows: Sequence[Path] = ()
    """Files and folders of contributed rows."""


def build_board(sources: RowSources, out: Path) -> WrittenSite:
    """Write the site of all rows into `out`; the same rows give the same bytes.

    Raises:
        InputError: a source does not exist, a row is wrong, or contributed rows lie inside `out`.
        TrackingError: a tracking server does not answer.
        StoreError: `out` cannot be written.
    """
    for path in sources.rows:
        if path.resolve().is_relative_to(out.resolve()):
            raise InputError(
                f"{path}: lies inside of {out}, where a later build clears rows away; keep "
                "contributed rows in a folder of their own"
            )
    return write_site(site_files(make_board(collect_rows(sources))), out)


def collect_rows(sources: RowSources) -> tuple[BoardRow, ...]:
    """Return the rows of all sweeps, then the contributed rows.

    Raises:
        InputError: a source does not exist, or a row is wrong.
        TrackingError: a server does not answer.
    """
    rows = [row for results in _results(sources) for row in rows_from_results(results)]
    return (*rows, *read_rows(sources.rows))


def _results(sources: RowSources) -> Iterator[SweepResults]:
    for uri in sources.stores:
        store = Store(uri)
        if not store.exists:
            raise InputError(f"{uri}: no such store; give another --store")
        yield from (read_results(store, name) for name in store.sweeps())
    for uri in sources.tracking:
        from mubench.tracking.artifacts import read_source, sent_sweeps  # here: MLflow is heavy

        yield from (read_source(name, uri) for name in sent_sweeps(uri))
    yield from map(read_folder, sources.reports)
