"""One's own rows beside those of a board, offline: how far apart, how sure, and what is not alike.

Differences of Avg. Gap are paired by request where both name the same request and forgot the same
examples. Where no request is shared, nothing but the means is said.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mubench.errors import InputError, plural
from mubench.leaderboard.board import BoardCell, Placed, make_board
from mubench.leaderboard.noise import has_other_retrain
from mubench.leaderboard.read_rows import read_rows
from mubench.leaderboard.row import BoardRow
from mubench.leaderboard.row_fields import Measured
from mubench.leaderboard.rows_from_results import rows_of
from mubench.report.analysis.comparisons import Paired, corrected
from mubench.report.analysis.noise import Floor
from mubench.report.analysis.significance import independent, sign_flip_p
from mubench.store.gathered import saved
from mubench.store.results_files import PLAN, read_folder
from mubench.store.store import Store


@dataclass(frozen=True)
class Against:
    """A row of mine against one of the board."""

    mine: Placed
    other: Placed
    is_best: bool
    """Whether the other is the board's best complete row of the selection."""
    paired: Paired | None
    """None where no request can be paired."""
    means: float
    """Difference of the mean gaps over all requests of each, whatever they are."""
    doubts: tuple[str, ...]
    """What is not alike, in words."""


@dataclass(frozen=True)
class CellComparison:
    """One cell that both have: its rows, and each row of mine against some of the board's."""

    name: str
    rows: tuple[tuple[bool, Placed], ...]
    """Whether it is mine, and the row; smallest Avg. Gap first."""
    against: tuple[Against, ...]


@dataclass(frozen=True)
class BoardComparison:
    """All cells that both have, and the names of mine that the board lacks."""

    cells: tuple[CellComparison, ...]
    elsewhere: tuple[str, ...]


def find_mine(name: str, store: str) -> tuple[BoardRow, ...]:
    """Return the rows of a report's folder, a file or folder of rows, or a sweep of a store.

    Raises:
        InputError: it is none of these.
    """
    path = Path(name)
    if (path / PLAN).is_file():
        return rows_of(read_folder(path))
    if path.exists():
        return read_rows([path])
    opened = Store(store)
    if not opened.exists:
        raise InputError(
            f"{name}: no such file or folder, and no store at {store} to look it up in"
        )
    return rows_of(saved(opened, name))


def compare(mine: Iterable[BoardRow], theirs: Iterable[BoardRow]) -> BoardComparison:
    """Compare my rows with a board's, cell by cell."""
    ours, board = make_board(mine), make_board(theirs)
    known = {cell.name: cell for cell in board.cells}
    return BoardComparison(
        tuple(_cell(cell, known[cell.name]) for cell in ours.cells if cell.name in known),
        tuple(cell.name for cell in ours.cells if cell.name not in known),
    )


def _cell(ours: BoardCell, theirs: BoardCell) -> CellComparison:
    mine = [held for held in ours.methods if "gap" in held.estimates]
    others = [held for held in theirs.methods if "gap" in held.estimates]
    rows = sorted([*((True, held) for held in mine), *((False, held) for held in others)], key=_gap)
    noise = theirs.noise or ours.noise
    against = [found for held in mine for found in _against_board(held, theirs, noise)]
    return CellComparison(ours.name, tuple(rows), _corrected(against))


def _corrected(against: Sequence[Against]) -> tuple[Against, ...]:
    """Correct the p-values of all comparisons that have pairs, by Holm."""
    adjusted = iter(corrected(held.paired for held in against if held.paired))
    return tuple(replace(held, paired=next(adjusted)) if held.paired else held for held in against)


def _gap(entry: tuple[bool, Placed]) -> tuple[float, bool, str]:
    is_mine, held = entry
    return held.estimates["gap"].mean, not is_mine, held.row.row


def _against_board(mine: Placed, board: BoardCell, noise: Floor | None) -> list[Against]:
    """Compare with the board's best row of the same selection, and with its row of this name.

    A row that is on the board already is not compared with itself.
    """
    best = next((held for held in board.group(mine.row.selection) if held.is_complete), None)
    same = board.find(mine.row.row, mine.row.selection)
    found = [_against(mine, best, noise, is_best=True)] if best else []
    if same and same is not best and "gap" in same.estimates:
        found.append(_against(mine, same, noise, is_best=False))
    return [held for held in found if held.other.row.requests != mine.row.requests]


def _against(mine: Placed, other: Placed, noise: Floor | None, *, is_best: bool) -> Against:
    theirs = {held.name: held for held in other.row.requests}
    named = [(held, theirs[held.name]) for held in mine.row.requests if held.name in theirs]
    alike = [(one, two) for one, two in named if one.forget_hash == two.forget_hash]
    pairs = [(one, two) for one, two in alike if not has_other_retrain(one, two, noise)]
    said = [*_unpaired(len(named), len(alike), len(pairs), noise), *_unlike(mine.row, other.row)]
    means = mine.estimates["gap"].mean - other.estimates["gap"].mean
    return Against(mine, other, is_best, _paired(pairs), means, tuple(said))


def _paired(requests: Sequence[tuple[Measured, Measured]]) -> Paired | None:
    if not requests:
        return None
    differences = independent(
        [one.gap - two.gap for one, two in requests],
        [one.seed_train for one, _ in requests],
        [one.forget_hash or one.name for one, _ in requests],
    )
    p_value = sign_flip_p(differences)
    return Paired(differences=differences, requests=len(requests), p_value=p_value, p_holm=p_value)


def _unpaired(named: int, alike: int, pairs: int, noise: Floor | None) -> list[str]:
    """Say why requests of one name were not paired."""
    said = []
    if alike < named:
        said.append(f"{plural(named - alike, 'request')} of one name with another forget set")
    if pairs < alike:
        how = "beyond the noise floor" if noise else "by how much Retrains differ is not known"
        said.append(f"{plural(alike - pairs, 'request')} with another Retrain ({how})")
    return said


def _unlike(mine: BoardRow, other: BoardRow) -> list[str]:
    """Say what else differs; pairs are compared all the same."""
    said = []
    if mine.tuning and other.tuning and mine.tuning.trials != other.tuning.trials:
        said.append(
            f"tuned with {mine.tuning.trials} candidates, the board's {other.tuning.trials}"
        )
    if mine.devices != other.devices:
        said.append("run times are of different devices")
    return said
