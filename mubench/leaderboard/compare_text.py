"""A comparison with a board on a terminal; names are text, never markup."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mubench.leaderboard.board import Placed
from mubench.leaderboard.compare import Against, BoardComparison, CellComparison
from mubench.leaderboard.slug import plain
from mubench.report.analysis.significance import bootstrap_interval, fewest_pairs
from mubench.report.format import format_p, format_percent
from mubench.report.text.summary import spread_text


def compared(found: BoardComparison) -> list[RenderableType]:
    """Return what `mubench compare` prints."""
    parts = [part for cell in found.cells for part in _cell(cell)]
    missing = [f"{plain(name)}: not on the board" for name in found.elsewhere]
    parts += [Text(text, style="yellow") for text in missing]
    if not found.cells:
        parts.append(Text("No comparison: no cell is on both sides."))
    return parts


def _cell(cell: CellComparison) -> list[RenderableType]:
    nothing = Text(
        "No comparison: the rows are on the board already, or it has no row of their selection."
    )
    pairs = _pairs(cell) if cell.against else nothing
    return [Text(plain(cell.name), style="bold"), _rows(cell), pairs, *_notes(cell), Text()]


def _rows(cell: CellComparison) -> Table:
    grid = _grid(("", "row", "selection"), ("Avg. Gap", "95 % of the mean", "n"))
    for is_mine, held in cell.rows:
        gap, row = held.estimates["gap"], held.row
        names = ("mine" if is_mine else "", plain(row.title), row.selection)
        numbers = (
            spread_text(gap),
            _interval(bootstrap_interval(list(held.gaps.values()))),
            f"{gap.n}/{row.expected}",
        )
        grid.add_row(*map(Text, (*names, *numbers)), style="bold" if is_mine else "")
    return grid


def _pairs(cell: CellComparison) -> Table:
    grid = _grid(("mine", "against the board's"), ("difference", "95 %", "pairs"))
    grid.add_column("verdict")
    for held in cell.against:
        other = f"best, {_name(held.other)}" if held.is_best else "same row"
        grid.add_row(*map(Text, (_name(held.mine), other, *_difference(held), verdict(held))))
    return grid


def _grid(names: Sequence[str], numbers: Sequence[str]) -> Table:
    grid = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in names:
        grid.add_column(heading)
    for heading in numbers:
        grid.add_column(heading, justify="right", no_wrap=True)
    return grid


def _name(held: Placed) -> str:
    return plain(f"{held.row.title} {held.row.selection}")


def _difference(held: Against) -> tuple[str, str, str]:
    if held.paired is None:
        return format_percent(held.means, signed=True), "—", "0"
    mean, interval = held.paired.difference, held.paired.interval
    return format_percent(mean.mean, signed=True), _interval(interval, signed=True), str(mean.n)


def verdict(held: Against) -> str:
    """Say how significant a comparison is."""
    if held.paired is None:
        return "none: the means are over different requests"
    if held.paired.verdict == "too few requests":
        needed = fewest_pairs(held.paired.family)
        return f"too few requests: {needed} pairs are needed"
    side = {"closer": "closer to Retrain", "farther": "farther from Retrain"}
    return f"{side.get(held.paired.verdict, held.paired.verdict)}, {format_p(held.paired.p_holm)}"


def _notes(cell: CellComparison) -> list[Text]:
    """What is not alike, each once, with the rows that it concerns."""
    found: dict[str, list[str]] = {}
    for held in cell.against:
        for doubt in held.doubts:
            found.setdefault(doubt, []).append(f"{_name(held.mine)} / {_name(held.other)}")
    return [Text(f"{doubt}: {', '.join(rows)}", style="yellow") for doubt, rows in found.items()]


def _interval(held: tuple[float, float] | None, *, signed: bool = False) -> str:
    if held is None:
        return "—"
    low, high = (format_percent(value, signed=signed) for value in held)
    return f"{low} to {high}"
