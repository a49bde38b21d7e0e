"""One ranking over all cells: average rank and mean Avg. Gap of each row, with intervals.

A planned request of a row without a number counts with the original's gap. Intervals come
from a bootstrap over requests within each cell. Rows that have the same requests in a cell share
each resample there, so that their differences are paired. Cells are not resampled: an interval
does not cover cells that are not on the board. They include the luck in tuning.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, TypedDict

import numpy as np
import numpy.typing as npt
from scipy import stats

from mubench.catalogue.seeds import derive_seed
from mubench.leaderboard.board import Board, BoardCell, Key
from mubench.sweep.kinds import ORIGINAL

DRAWS = 2000
FEWEST_CELLS = 2
Floats = npt.NDArray[np.float64]
NOTHING: Key = (ORIGINAL, "")
"""The row without any unlearning."""


@dataclass(frozen=True)
class BootstrapInterval:
    """A value and the 95 % interval (2.5th and 97.5th percentile) of its bootstrap."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RankedRow:
    """One row over all cells; ranks count from 1, gaps are fractions."""

    key: Key
    method: str
    title: str
    rank: BootstrapInterval
    gap: BootstrapInterval
    cells: int
    """Number of ranked cells in which it was measured."""
    imputed: int
    """Requests that count with the original's gap."""
    to_first: Literal["first", "significant", "not significant"]
    """Whether the interval of its mean gap less the first row's excludes 0."""


@dataclass(frozen=True)
class Ranking:
    """The aggregate ranking; no rows where fewer than two cells can be ranked."""

    rows: tuple[RankedRow, ...]
    cells: tuple[str, ...]
    requests: int
    """Number of different requests of the ranked rows, over all cells."""
    left_out: tuple[Key, ...]
    """Rows that are in one ranked cell only."""


@dataclass(frozen=True)
class _Gaps:
    """A row's gaps in one cell, imputed ones among them, by request."""

    names: tuple[str, ...]
    values: Floats
    imputed: int
    luck: float
    """Of the mean, from tuning."""


class _Summary(TypedDict):
    rank: BootstrapInterval
    gap: BootstrapInterval
    to_first: Literal["first", "significant", "not significant"]


def rank(board: Board) -> Ranking:
    """Rank the rows of a board; the same rows give the same numbers.

    Cells without a measured original are left out: their gap is unknown.
    """
    cells = [cell for cell in board.cells if cell.original and cell.original.row.requests]
    entries = [entry for cell in cells for entry in (cell.original, *cell.methods) if entry]
    counts = Counter(entry.key for entry in entries if entry.row.requests)
    keys = sorted(key for key, count in counts.items() if count >= FEWEST_CELLS)
    names = tuple(cell.name for cell in cells)
    left_out = tuple(sorted(counts.keys() - set(keys)))
    if len(keys) < 2:
        return Ranking((), names, 0, left_out)
    tables = [[_gaps(cell, key) for key in keys] for cell in cells]
    requests = {name for table in tables for gaps in table for name in gaps.names}
    rows_of_keys = {entry.key: entry.row for entry in entries}
    rows = tuple(
        RankedRow(
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


def _gaps(cell: BoardCell, key: Key) -> _Gaps:
    """A row's gaps in a cell; without the row those of the original."""
    entry = cell.entry(key)
    original = cell.original.gaps if cell.original else {}
    if entry is None:
        imputed, gaps = original, original
    else:
        average = fmean(original.values())
        imputed = {failed.name: original.get(failed.name, average) for failed in entry.row.failures}
        imputed |= {f"not run {k}": average for k in range(entry.row.missing)}
        gaps = {**imputed, **entry.gaps}
    names = tuple(sorted(gaps))
    luck = entry.row.luck if entry else 0.0
    return _Gaps(names, np.array([gaps[name] for name in names]), len(imputed), luck)


def _resampled(cell: str, keys: Sequence[Key], table: Sequence[_Gaps]) -> Floats:
    """Mean gaps of one cell, float64 (draws, rows): rows of the same requests share resamples.

    The luck in tuning is each row's own.
    """
    columns = []
    for key, gaps in zip(keys, table, strict=True):
        rng = np.random.default_rng(derive_seed("board", cell, *gaps.names))
        drawn = rng.integers(len(gaps.names), size=(DRAWS, len(gaps.names)))
        own = np.random.default_rng(derive_seed("luck", cell, *key))
        columns.append(gaps.values[drawn].mean(axis=1) + gaps.luck * own.standard_normal(DRAWS))
    return np.stack(columns, axis=1)


def _summaries(
    keys: Sequence[Key], cells: Sequence[str], tables: Sequence[Sequence[_Gaps]]
) -> Iterator[tuple[int, Key, _Summary]]:
    """Each row's number, key and summary, in the order of the ranking."""
    means = [np.array([gaps.values.mean() for gaps in table]) for table in tables]
    drawn = [_resampled(cell, keys, table) for cell, table in zip(cells, tables, strict=True)]
    gap, gap_draws = _mean(means), _mean(drawn)
    rank_, rank_draws = _mean(map(_ranks, means)), _mean(map(_ranks, drawn))
    order = sorted(range(len(keys)), key=lambda k: (rank_[k], gap[k], keys[k]))
    first = order[0]
    for k in order:
        low, high = _interval(gap_draws[:, k] - gap_draws[:, first])
        yield (
            k,
            keys[k],
            {
                "rank": BootstrapInterval(float(rank_[k]), *_interval(rank_draws[:, k])),
                "gap": BootstrapInterval(float(gap[k]), *_interval(gap_draws[:, k])),
                "to_first": "first" if k == first else _difference(low, high),
            },
        )


def _difference(low: float, high: float) -> Literal["significant", "not significant"]:
    return "significant" if low > 0 or high < 0 else "not significant"


def _mean(cells: Iterable[Floats]) -> Floats:
    means: Floats = np.stack(list(cells)).mean(axis=0)
    return means


def _ranks(values: Floats) -> Floats:
    """Ranks from 1 along the last axis; ties share the average of their ranks."""
    ranks: Floats = stats.rankdata(values, axis=-1)
    return ranks


def _interval(draws: Floats) -> tuple[float, float]:
    low, high = np.percentile(draws, [2.5, 97.5])
    return float(low), float(high)
