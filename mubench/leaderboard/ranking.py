"""All cells in one list: average rank and mean Avg. Gap of each row, with what requests leave open.

Every planned request of a row that has no number counts with the original's gap. Intervals come
from a bootstrap over requests within each cell. Rows that have the same requests in a cell share
each resample there, so that their differences are paired. Cells are not resampled: an interval
tells nothing about cells that are not on the board.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt

from mubench.catalogue.seeds import derive_seed
from mubench.leaderboard.board import Board, BoardCell, Placed
from mubench.sweep.kinds import ORIGINAL

DRAWS = 2000
FEWEST_CELLS = 2
Floats = npt.NDArray[np.float64]
Key = tuple[str, str]
"""Row label and selection."""
NOTHING: Key = (ORIGINAL, "")
"""The row without any unlearning."""


@dataclass(frozen=True)
class Interval:
    """A value and the 95 % interval (2.5th and 97.5th percentile) of its bootstrap."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Ranked:
    """One row over all cells; ranks count from 1, gaps are fractions."""

    key: Key
    method: str
    title: str
    rank: Interval
    gap: Interval
    cells: int
    """In how many of the ranked cells it was measured."""
    imputed: int
    """Requests that count with the original's gap."""
    to_first: Literal["first", "significant", "not significant"]
    """Whether the interval of its mean gap less the first row's excludes 0."""


@dataclass(frozen=True)
class Ranking:
    """The aggregate ranking; no rows where fewer than two cells can be ranked."""

    rows: tuple[Ranked, ...]
    cells: tuple[str, ...]
    requests: int
    """Different requests that the ranked rows have, over all cells."""
    left_out: tuple[Key, ...]
    """Rows that are in one ranked cell only."""


@dataclass(frozen=True)
class _Gaps:
    """A row's gaps in one cell, imputed ones among them, by request."""

    names: tuple[str, ...]
    values: Floats
    imputed: int


class _Summary(TypedDict):
    rank: Interval
    gap: Interval
    to_first: Literal["first", "significant", "not significant"]


def rank(board: Board) -> Ranking:
    """Rank the rows of a board; the same rows give the same numbers.

    Cells without a measured original are left out: their gap is unknown.
    """
    cells = [cell for cell in board.cells if cell.original and cell.original.row.requests]
    placed = [held for cell in cells for held in (cell.original, *cell.methods) if held]
    counts = Counter(_key(held) for held in placed if held.row.requests)
    keys = sorted(key for key, count in counts.items() if count >= FEWEST_CELLS)
    names = tuple(cell.name for cell in cells)
    left_out = tuple(sorted(counts.keys() - set(keys)))
    if len(keys) < 2:
        return Ranking((), names, 0, left_out)
    tables = [[_gaps(cell, key) for key in keys] for cell in cells]
    requests = {name for table in tables for gaps in table for name in gaps.names}
    rows_of_keys = {_key(held): held.row for held in placed}
    rows = tuple(
        Ranked(
            key=key,
            method=rows_of_keys[key].method,
            title=rows_of_keys[key].title,
            **summary,
            cells=counts[key],
            imputed=sum(gaps[number].imputed for gaps in tables),
        )
        for number, key, summary in _summaries(keys, names, tables)
    )
    return Ranking(rows, names, len(requests), left_out)


def average_ranks(values: Floats) -> Floats:
    """Return ranks from 1 along the last axis; ties share the average of their places.

    >>> average_ranks(np.array([0.3, 0.1, 0.3]))
    array([2.5, 1. , 2.5])
    """
    mine, others = values[..., :, None], values[..., None, :]
    places: Floats = (others < mine).sum(axis=-1) + ((others == mine).sum(axis=-1) + 1) / 2
    return places


def _key(held: Placed) -> Key:
    return held.row.row, held.row.selection


def _gaps(cell: BoardCell, key: Key) -> _Gaps:
    """A row's gaps in a cell; without a row those of the original."""
    held = cell.find(*key)
    nothing = cell.original.gaps if cell.original else {}
    if held is None:
        return _Gaps(
            tuple(sorted(nothing)), np.array([nothing[n] for n in sorted(nothing)]), len(nothing)
        )
    at_average = fmean(nothing.values())
    imputed = {failure.name: nothing.get(failure.name, at_average) for failure in held.row.failures}
    imputed |= {f"not run {k}": at_average for k in range(held.row.missing)}
    gaps = {**imputed, **held.gaps}
    return _Gaps(tuple(sorted(gaps)), np.array([gaps[n] for n in sorted(gaps)]), len(imputed))


def _resampled(cell: str, table: Sequence[_Gaps]) -> Floats:
    """Mean gaps of one cell in each draw, shape (draws, rows): one resample a set of requests."""
    columns = []
    for gaps in table:
        rng = np.random.default_rng(derive_seed("board", cell, *gaps.names))
        drawn = rng.integers(len(gaps.names), size=(DRAWS, len(gaps.names)))
        columns.append(gaps.values[drawn].mean(axis=1))
    return np.stack(columns, axis=1)


def _summaries(
    keys: Sequence[Key], cells: Sequence[str], tables: Sequence[Sequence[_Gaps]]
) -> Iterator[tuple[int, Key, _Summary]]:
    """Each row's number and summary, the first of the ranking first."""
    seen = [np.array([gaps.values.mean() for gaps in table]) for table in tables]
    drawn = [_resampled(cell, table) for cell, table in zip(cells, tables, strict=True)]
    gap, gap_draws = _mean(seen), _mean(drawn)
    rank_, rank_draws = _mean(map(average_ranks, seen)), _mean(map(average_ranks, drawn))
    order = sorted(range(len(keys)), key=lambda k: (rank_[k], gap[k], keys[k]))
    first = order[0]
    for k in order:
        low, high = _interval(gap_draws[:, k] - gap_draws[:, first])
        yield (
            k,
            keys[k],
            {
                "rank": Interval(float(rank_[k]), *_interval(rank_draws[:, k])),
                "gap": Interval(float(gap[k]), *_interval(gap_draws[:, k])),
                "to_first": "first" if k == first else _difference(low, high),
            },
        )


def _difference(low: float, high: float) -> Literal["significant", "not significant"]:
    return "significant" if low > 0 or high < 0 else "not significant"


def _mean(cells: Iterable[Floats]) -> Floats:
    found: Floats = np.stack(list(cells)).mean(axis=0)
    return found


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)
