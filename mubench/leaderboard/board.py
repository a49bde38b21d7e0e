"""Many rows as one board: what stands in each cell, and what a reader must know of each row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from mubench.leaderboard.badges import Badge, badges
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


@dataclass(frozen=True)
class Placed:
    """A row in its cell."""

    row: BoardRow
    older: "tuple[Placed, ...]"
    """The same row measured before: kept off the board, and said."""
    badges: tuple[Badge, ...] = ()

    @cached_property
    def estimates(self) -> Mapping[str, Estimate]:
        """Mean and spread over requests of each column that has numbers."""
        columns = {
            name: [v for held in self.row.requests if (v := getattr(held, name)) is not None]
            for name in COLUMNS
        }
        return {name: estimate(values) for name, values in columns.items() if values}

    @cached_property
    def distances(self) -> Mapping[str, float]:
        """|mean of the differences to Retrain| of each of the four values, as papers print it."""
        return distances([(held.terms, held.retrain.terms) for held in self.row.requests])

    @property
    def is_complete(self) -> bool:
        """Whether the row is ranked."""
        return is_complete([held.status for held in self.row.requests], self.row.expected)

    @property
    def gaps(self) -> dict[str, float]:
        """Avg. Gap by request."""
        return {held.name: held.gap for held in self.row.requests}


@dataclass(frozen=True)
class BoardCell:
    """One cell of the board."""

    name: str
    retrain: Placed | None
    original: Placed | None
    methods: tuple[Placed, ...]
    """Tuned rows first, each selection by Avg. Gap, incomplete rows last."""

    @property
    def slug(self) -> str:
        """The name of its page, without `.html`."""
        return slug(self.name)

    @property
    def rows(self) -> tuple[Placed, ...]:
        """All rows, references first."""
        return tuple(held for held in (self.retrain, self.original, *self.methods) if held)

    def group(self, selection: str) -> tuple[Placed, ...]:
        """The rows of one selection, smallest Avg. Gap first."""
        return tuple(held for held in self.methods if held.row.selection == selection)

    def find(self, label: str, selection: str) -> Placed | None:
        """A row by its label and selection."""
        wanted = (label, selection)
        return next((p for p in self.rows if (p.row.row, p.row.selection) == wanted), None)

    @cached_property
    def ranks(self) -> Mapping[tuple[str, str], str]:
        """Which complete rows are `best` and `second` within their selection; ties share."""
        return {
            (label, selection): place
            for selection in SELECTIONS
            for label, place in best_two(
                {
                    held.row.row: held.estimates["gap"].mean
                    for held in self.group(selection)
                    if held.is_complete
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
    def rows(self) -> tuple[Placed, ...]:
        """Every row that is shown."""
        return tuple(held for cell in self.cells for held in cell.rows)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, sorted; without the references."""
        return tuple(sorted({held.row.method for cell in self.cells for held in cell.methods}))

    @property
    def date(self) -> str:
        """When the newest row was measured (ISO 8601); empty without rows."""
        return max(held.row.newest for held in self.rows).isoformat() if self.rows else ""


def make_board(rows: Iterable[BoardRow]) -> Board:
    """Return the board of rows in any order; of the same row twice the newest measured counts.

    Two sweeps of one store share records: then it is one measurement, and the row with more
    Retrains behind its noise floor is shown.
    """
    found: dict[tuple[str, str, str], list[BoardRow]] = {}
    for row in sorted({to_json(row): row for row in rows}.values(), key=_age, reverse=True):
        found.setdefault(row.key, []).append(row)
    placed = [
        Placed(shown, tuple(Placed(one, ()) for one in others if one.records != shown.records))
        for shown, *others in found.values()
    ]
    names = sorted({held.row.cell for held in placed})
    return Board(tuple(_cell(n, [held for held in placed if held.row.cell == n]) for n in names))


def _age(row: BoardRow) -> tuple[datetime, int, bytes]:
    replicas = sum(len(held.replicas) for held in row.requests)
    return row.newest, replicas, to_json(row)


def _cell(name: str, placed: list[Placed]) -> BoardCell:
    rows = [held.row for held in placed]
    badged = [Placed(held.row, held.older, badges(held.row, rows)) for held in placed]
    references = {held.row.method: held for held in badged if not held.row.selection}
    methods = [held for held in badged if held.row.selection]
    return BoardCell(
        name,
        references.get(RETRAIN),
        references.get(ORIGINAL),
        tuple(sorted(methods, key=_order)),
    )


def _order(held: Placed) -> tuple[int, bool, float, str]:
    gap_ = held.estimates.get("gap")
    place = SELECTIONS.index(held.row.selection)
    return place, not held.is_complete, gap_.mean if gap_ else 1.0, held.row.row
