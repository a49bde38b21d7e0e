"""Many rows as one board: the entries of each cell, with their estimates and badges."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from mubench.leaderboard.badges import Badge, Usual, badges_of
from mubench.leaderboard.noise import noise_of
from mubench.leaderboard.row import BoardRow, to_json
from mubench.leaderboard.slug import slug
from mubench.report.analysis.aggregate import (
    COLUMNS,
    SELECTIONS,
    Estimate,
    distances,
    estimate,
    is_complete,
)
from mubench.report.analysis.comparisons import best_two
from mubench.report.analysis.noise import Floor
from mubench.sweep.kinds import ORIGINAL, RETRAIN

COMPOSITE = "luma"
"""One number for closeness, privacy and cost; shown beside Avg. Gap, and never ranked by."""
Key = tuple[str, str]
"""Label and selection of a row."""


@dataclass(frozen=True)
class BoardEntry:
    """A row in its cell."""

    row: BoardRow
    older: "tuple[BoardEntry, ...]"
    """Older measurements of the same row: listed, but not shown as rows."""
    badges: tuple[Badge, ...] = ()

    @property
    def key(self) -> Key:
        """Label and selection: unique within a cell."""
        return self.row.row, self.row.selection

    @cached_property
    def estimates(self) -> Mapping[str, Estimate]:
        """Mean and spread over requests of each column that has numbers."""
        columns = {
            name: [v for request in self.row.requests if (v := getattr(request, name)) is not None]
            for name in (*COLUMNS, COMPOSITE)
        }
        return {name: estimate(values) for name, values in columns.items() if values}

    @cached_property
    def distances(self) -> Mapping[str, float]:
        """|mean of the differences to Retrain| of each of the four values, as papers print it."""
        return distances([(request.terms, request.retrain.terms) for request in self.row.requests])

    @property
    def is_complete(self) -> bool:
        """Whether the row is ranked."""
        return is_complete([request.status for request in self.row.requests], self.row.expected)

    @property
    def gaps(self) -> dict[str, float]:
        """Avg. Gap by request."""
        return {request.name: request.gap for request in self.row.requests}


@dataclass(frozen=True)
class BoardCell:
    """One cell of the board."""

    name: str
    retrain: BoardEntry | None
    original: BoardEntry | None
    methods: tuple[BoardEntry, ...]
    """Tuned rows first, each selection by Avg. Gap, incomplete rows last."""

    @property
    def slug(self) -> str:
        """The name of its page, without `.html`."""
        return slug(self.name)

    @property
    def rows(self) -> tuple[BoardEntry, ...]:
        """All rows, references first."""
        return tuple(entry for entry in (self.retrain, self.original, *self.methods) if entry)

    @property
    def columns(self) -> tuple[str, ...]:
        """The metrics of its table; the composite where a row has it."""
        has_composite = any(COMPOSITE in entry.estimates for entry in self.rows)
        return (*COLUMNS, COMPOSITE) if has_composite else COLUMNS

    def group(self, selection: str) -> tuple[BoardEntry, ...]:
        """The rows of one selection, smallest Avg. Gap first."""
        return tuple(entry for entry in self.methods if entry.row.selection == selection)

    def entry(self, key: Key) -> BoardEntry | None:
        """The entry of a row, or None."""
        return next((entry for entry in self.rows if entry.key == key), None)

    @cached_property
    def ranks(self) -> Mapping[Key, str]:
        """Which complete rows are `best` and `second` within their selection; ties share."""
        return {
            (label, selection): place
            for selection in SELECTIONS
            for label, place in best_two(
                {
                    entry.row.row: entry.estimates["gap"].mean
                    for entry in self.group(selection)
                    if entry.is_complete
                }
            ).items()
        }

    @cached_property
    def noise(self) -> Floor | None:
        """The noise floor; None where no request was retrained twice."""
        return noise_of(self.retrain.row if self.retrain else None)


@dataclass(frozen=True)
class Board:
    """All cells, by name."""

    cells: tuple[BoardCell, ...]

    @property
    def rows(self) -> tuple[BoardEntry, ...]:
        """Every row that is shown."""
        return tuple(entry for cell in self.cells for entry in cell.rows)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, sorted; without the references."""
        return tuple(sorted({entry.row.method for cell in self.cells for entry in cell.methods}))

    @property
    def date(self) -> str:
        """Time of the newest row's measurement (ISO 8601); empty without rows."""
        return max(entry.row.newest for entry in self.rows).isoformat() if self.rows else ""


def make_board(rows: Iterable[BoardRow]) -> Board:
    """Return the board of rows in any order; of the same row twice the newest is shown.

    Two rows of the same records, from two sweeps of one store, are one measurement: the row with
    more Retrains behind its noise floor is shown.
    """
    measurements: dict[tuple[str, str, str], list[BoardRow]] = {}
    for row in sorted({to_json(row): row for row in rows}.values(), key=_age, reverse=True):
        measurements.setdefault(row.key, []).append(row)
    entries = [
        BoardEntry(newest, tuple(BoardEntry(o, ()) for o in others if o.records != newest.records))
        for newest, *others in measurements.values()
    ]
    names = sorted({entry.row.cell for entry in entries})
    return Board(
        tuple(_cell(n, [entry for entry in entries if entry.row.cell == n]) for n in names)
    )


def _age(row: BoardRow) -> tuple[datetime, int, bytes]:
    replicas = sum(len(request.replicas) for request in row.requests)
    return row.newest, replicas, to_json(row)


def _cell(name: str, entries: list[BoardEntry]) -> BoardCell:
    usual = Usual([entry.row for entry in entries])
    badged = [BoardEntry(entry.row, entry.older, badges_of(entry.row, usual)) for entry in entries]
    references = {entry.row.method: entry for entry in badged if not entry.row.selection}
    methods = [entry for entry in badged if entry.row.selection]
    return BoardCell(
        name,
        references.get(RETRAIN),
        references.get(ORIGINAL),
        tuple(sorted(methods, key=_order)),
    )


def _order(entry: BoardEntry) -> tuple[int, bool, float, str]:
    gap = entry.estimates.get("gap")
    group = SELECTIONS.index(entry.row.selection)
    return group, not entry.is_complete, gap.mean if gap else 1.0, entry.row.row
