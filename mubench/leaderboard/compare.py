"""The user's own rows against those of a board, offline: differences and their significance.

Differences of Avg. Gap are paired by request where both name the same request and forgot the same
examples. Where no request is shared, only the means are compared.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mubench.errors import InputError, plural
from mubench.leaderboard.board import BoardCell, BoardEntry, make_board
from mubench.leaderboard.noise import has_other_retrain
from mubench.leaderboard.read_rows import read_rows
from mubench.leaderboard.row import BoardRow
from mubench.leaderboard.row_fields import Measured
from mubench.leaderboard.rows_from_results import rows_from_results
from mubench.report.analysis.comparisons import Paired, corrected
from mubench.report.analysis.noise import Floor
from mubench.report.analysis.significance import independent, tuned_p
from mubench.store.results_files import PLAN, read_folder, read_results
from mubench.store.store import Store


@dataclass(frozen=True)
class PairwiseComparison:
    """An own row against a row of the board."""

    own: BoardEntry
    other: BoardEntry
    is_best: bool
    """Whether the other is the board's best complete row of the selection."""
    paired: Paired | None
    """None where no request can be paired."""
    means: float
    """Difference of the mean gaps, each over all requests of its row."""
    remarks: tuple[str, ...]
    """Differences between the rows that limit the comparison, in words."""


@dataclass(frozen=True)
class CellComparison:
    """A cell of both sides: all rows, and each own row against some rows of the board."""

    name: str
    rows: tuple[tuple[bool, BoardEntry], ...]
    """Whether the row is an own row, and the row; smallest Avg. Gap first."""
    comparisons: tuple[PairwiseComparison, ...]


@dataclass(frozen=True)
class BoardComparison:
    """The cells of both sides."""

    cells: tuple[CellComparison, ...]
    missing: tuple[str, ...]
    """Names of own cells that the board lacks."""


def load_own_rows(name: str, store: str) -> tuple[BoardRow, ...]:
    """Return the rows of a report's folder, a file or folder of rows, or a sweep of a store.

    Args:
        name: path of the folder or file, or name of the sweep.
        store: the store of the sweep.

    Raises:
        InputError: no such folder, file or sweep exists, or a row is wrong.
    """
    path = Path(name)
    if (path / PLAN).is_file():
        return rows_from_results(read_folder(path))
    if path.exists():
        return read_rows([path])
    opened = Store(store)
    if not opened.exists:
        raise InputError(
            f"{name}: no such file or folder, and no store at {store} to look it up in"
        )
    return rows_from_results(read_results(opened, name))


def compare_with_board(own: Iterable[BoardRow], others: Iterable[BoardRow]) -> BoardComparison:
    """Compare own rows with the rows of a board, cell by cell."""
    own_board, board = make_board(own), make_board(others)
    cells = {cell.name: cell for cell in board.cells}
    return BoardComparison(
        tuple(_cell(cell, cells[cell.name]) for cell in own_board.cells if cell.name in cells),
        tuple(cell.name for cell in own_board.cells if cell.name not in cells),
    )


def _cell(own: BoardCell, board: BoardCell) -> CellComparison:
    sides = ((True, own), (False, board))
    rows = [(is_own, e) for is_own, cell in sides for e in cell.methods if "gap" in e.estimates]
    noise = board.noise or own.noise
    comparisons = [
        comparison
        for is_own, entry in rows
        if is_own
        for comparison in _with_board(entry, board, noise)
    ]
    return CellComparison(own.name, tuple(sorted(rows, key=_order)), _corrected(comparisons))


def _corrected(comparisons: Sequence[PairwiseComparison]) -> tuple[PairwiseComparison, ...]:
    """Correct the p-values of all comparisons that have pairs, by Holm."""
    adjusted = iter(corrected(c.paired for c in comparisons if c.paired))
    return tuple(replace(c, paired=next(adjusted)) if c.paired else c for c in comparisons)


def _order(row: tuple[bool, BoardEntry]) -> tuple[float, bool, str]:
    is_own, entry = row
    return entry.estimates["gap"].mean, not is_own, entry.row.row


def _with_board(own: BoardEntry, board: BoardCell, noise: Floor | None) -> list[PairwiseComparison]:
    """Compare with the board's best row of the same selection, and with its row of this name.

    A row that is on the board already is not compared with itself.
    """
    best = next((entry for entry in board.group(own.row.selection) if entry.is_complete), None)
    same = board.entry(own.key)
    comparisons = [_pairwise(own, best, noise, is_best=True)] if best else []
    if same and same is not best and "gap" in same.estimates:
        comparisons.append(_pairwise(own, same, noise, is_best=False))
    return [c for c in comparisons if c.other.row.requests != own.row.requests]


def _pairwise(
    own: BoardEntry, other: BoardEntry, noise: Floor | None, *, is_best: bool
) -> PairwiseComparison:
    requests = {request.name: request for request in other.row.requests}
    named = [(r, requests[r.name]) for r in own.row.requests if r.name in requests]
    same_set = [(one, two) for one, two in named if one.forget_hash == two.forget_hash]
    pairs = [(one, two) for one, two in same_set if not has_other_retrain(one, two, noise)]
    remarks = [
        *_unpaired(len(named), len(same_set), len(pairs), noise),
        *_differences(own.row, other.row),
    ]
    means = own.estimates["gap"].mean - other.estimates["gap"].mean
    paired = _paired(pairs, math.hypot(own.row.luck, other.row.luck))
    return PairwiseComparison(own, other, is_best, paired, means, tuple(remarks))


def _paired(requests: Sequence[tuple[Measured, Measured]], luck: float) -> Paired | None:
    if not requests:
        return None
    differences = independent(
        [one.gap - two.gap for one, two in requests],
        [one.seed_train for one, _ in requests],
        [one.forget_hash or one.name for one, _ in requests],
    )
    p_value = tuned_p(differences, luck)
    return Paired(
        differences=differences,
        requests=len(requests),
        luck=luck,
        p_value=p_value,
        p_holm=p_value,
    )


def _unpaired(named: int, same_set: int, pairs: int, noise: Floor | None) -> list[str]:
    """Say why requests of the same name were not paired."""
    remarks = []
    if same_set < named:
        remarks.append(
            f"{plural(named - same_set, 'request')} of the same name with another forget set"
        )
    if pairs < same_set:
        how = "beyond the noise floor" if noise else "the noise floor is unknown"
        remarks.append(f"{plural(same_set - pairs, 'request')} with another Retrain ({how})")
    return remarks


def _differences(own: BoardRow, other: BoardRow) -> list[str]:
    """Name other differences; the pairs are compared nevertheless."""
    remarks = []
    if own.tuning and other.tuning and own.tuning.trials != other.tuning.trials:
        remarks.append(
            f"tuned with {own.tuning.trials} candidates, the board's {other.tuning.trials}"
        )
    if own.devices != other.devices:
        remarks.append("run times are of different devices")
    return remarks
