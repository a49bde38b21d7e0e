"""Build a board: collect the rows of all sources, rank them, write the site."""

from collections.abc import Callable, Iterator, Sequence
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
from mubench.store.results_files import no_plan_error, read_folder, read_results
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


def build_board(
    sources: RowSources, out: Path, say: Callable[[str], None] = lambda line: None
) -> WrittenSite:
    """Write the site of all rows into `out`; the same rows give the same bytes.

    `say` is told in one line each what is not on the board: sweeps that cannot be read, and rows
    of an earlier build that no source has any more.

    Raises:
        InputError: a source does not exist, a row is wrong, or contributed rows lie inside `out`.
        IntegrityError: a source is damaged.
        TrackingError: a tracking server does not answer.
        StoreError: `out` cannot be written.
    """
    for path in sources.rows:
        if path.resolve().is_relative_to(out.resolve()):
            raise InputError(
                f"{path}: lies inside of {out}, where a later build clears rows away; keep "
                "contributed rows in a folder of their own"
            )
    written = write_site(site_files(make_board(collect_rows(sources, say))), out)
    for name in written.removed_rows:
        say(f"no longer on the board: {name}: no source has this row any more")
    return written


def collect_rows(
    sources: RowSources, say: Callable[[str], None] = lambda line: None
) -> tuple[BoardRow, ...]:
    """Return the rows of all sweeps, then the contributed rows.

    Raises:
        InputError: a source does not exist, or a row is wrong.
        TrackingError: a server does not answer.
    """
    rows = [row for results in _results(sources, say) for row in rows_from_results(results)]
    return (*rows, *read_rows(sources.rows))


def _results(sources: RowSources, say: Callable[[str], None]) -> Iterator[SweepResults]:
    for uri in sources.stores:
        store = Store(uri)
        if not store.exists:
            raise InputError(f"{uri}: no such store; give another --store")
        for name in store.incomplete_sweeps():
            where = f"{uri}: sweep '{name}'"
            say(f"not on the board: {no_plan_error(where)}")
        yield from (read_results(store, name) for name in store.sweeps())
    for uri in sources.tracking:
        from mubench.tracking.artifacts import read_source, tracked_sweeps  # here: MLflow is heavy

        for name, was_sent in tracked_sweeps(uri).items():
            if was_sent:
                yield read_source(name, uri)
            else:
                say(f"not on the board: {uri}: sweep '{name}': its results were not sent yet")
    yield from map(read_folder, sources.reports)
