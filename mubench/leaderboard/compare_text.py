"""A comparison with a board on a terminal; names are text, never markup."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mubench.errors import one_line
from mubench.leaderboard.board import BoardEntry
from mubench.leaderboard.compare import BoardComparison, CellComparison, PairwiseComparison
from mubench.report.analysis.format import format_p, format_percent
from mubench.report.analysis.significance import fewest_pairs, mean_interval
from mubench.report.text.summary import spread_text


def comparison_parts(comparison: BoardComparison) -> list[RenderableType]:
    """Return what `mubench compare` prints."""
    parts = [part for cell in comparison.cells for part in _cell(cell)]
    missing = [f"{one_line(name)}: not on the board" for name in comparison.missing]
    parts += [Text(text, style="yellow") for text in missing]
    if not comparison.cells:
        parts.append(Text("No comparison: no cell is on both sides."))
    return parts


def _cell(cell: CellComparison) -> list[RenderableType]:
    no_pairs = Text(
        "No comparison: the rows are on the board already, or it has no row of their selection."
    )
    pairs = _pairs(cell) if cell.comparisons else no_pairs
    return [Text(one_line(cell.name), style="bold"), _rows(cell), pairs, *_notes(cell), Text()]


def _rows(cell: CellComparison) -> Table:
    grid = _grid(("", "row", "selection"), ("Avg. Gap", "95 % of the mean", "n"))
    for is_own, entry in cell.rows:
        gap, row = entry.estimates["gap"], entry.row
        names = ("own" if is_own else "", one_line(row.title), row.selection)
        numbers = (
            spread_text(gap),
            _interval(mean_interval(list(entry.gaps.values()), row.luck)),
            f"{gap.n}/{row.expected}",
        )
        grid.add_row(*map(Text, (*names, *numbers)), style="bold" if is_own else "")
    return grid


def _pairs(cell: CellComparison) -> Table:
    grid = _grid(("own row", "against the board's"), ("difference", "95 %", "pairs"))
    grid.add_column("verdict")
    for pair in cell.comparisons:
        other = f"best, {_name(pair.other)}" if pair.is_best else "same row"
        grid.add_row(*map(Text, (_name(pair.own), other, *_difference(pair), verdict_text(pair))))
    return grid


def _grid(names: Sequence[str], numbers: Sequence[str]) -> Table:
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in names:
        grid.add_column(heading)
    for heading in numbers:
        grid.add_column(heading, justify="right", no_wrap=True)
    return grid


def _name(entry: BoardEntry) -> str:
    return one_line(f"{entry.row.title} {entry.row.selection}")


def _difference(comparison: PairwiseComparison) -> tuple[str, str, str]:
    if comparison.paired is None:
        return format_percent(comparison.means, signed=True), "—", "0"
    mean, interval = comparison.paired.difference, comparison.paired.interval
    return format_percent(mean.mean, signed=True), _interval(interval, signed=True), str(mean.n)


def verdict_text(comparison: PairwiseComparison) -> str:
    """Say how significant a comparison is."""
    paired = comparison.paired
    if paired is None:
        return "none: the means are over different requests"
    if paired.verdict == "too few requests":
        return f"too few requests: {fewest_pairs(paired.family)} pairs are needed"
    side = {"closer": "closer to Retrain", "farther": "farther from Retrain"}
    return f"{side.get(paired.verdict, paired.verdict)}, {format_p(paired.p_holm)}"


def _notes(cell: CellComparison) -> list[Text]:
    """Each remark once, with the rows that it concerns."""
    pairs: dict[str, list[str]] = {}
    for comparison in cell.comparisons:
        pair = f"{_name(comparison.own)} / {_name(comparison.other)}"
        for remark in comparison.remarks:
            pairs.setdefault(remark, []).append(pair)
    return [Text(f"{remark}: {', '.join(rows)}", style="yellow") for remark, rows in pairs.items()]


def _interval(interval: tuple[float, float] | None, *, signed: bool = False) -> str:
    if interval is None:
        return "—"
    low, high = (format_percent(value, signed=signed) for value in interval)
    return f"{low} to {high}"
