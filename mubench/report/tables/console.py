"""The report on a terminal: one compact table a cell, and its summary in words."""

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from mubench.report.analysis.aggregate import COLUMNS, Cell, aggregate
from mubench.report.analysis.comparisons import judge
from mubench.report.tables.markdown_csv import GROUP_TITLES
from mubench.report.tables.table import Line, Table, table
from mubench.report.text import summary
from mubench.store.results import SweepResults

STYLES = {"best": "bold", "second": "underline", "": ""}


def console_table(source: SweepResults) -> list[RenderableType]:
    """Return what `mubench run` prints at its end; names are text, never markup."""
    return [part for cell in aggregate(source) for part in _cell(cell)]


def _cell(cell: Cell) -> list[RenderableType]:
    verdicts = judge(cell)
    printed = table(cell, verdicts=verdicts)
    sentences = [Text(text, style="yellow") for text in summary.warnings(cell)]
    sentences += [Text(text) for text in (summary.headline(cell), *summary.remarks(cell, verdicts))]
    notes = [Text(f"{mark}  {text}", style="dim") for mark, text in printed.footnotes]
    notes += [Text(note, style="dim") for note in printed.power_notes]
    heading = Text(cell.name, style="bold")
    if cell.is_empty:
        return [heading, *sentences, Text()]
    return [heading, _grid(printed), *notes, *sentences, Text()]


def _grid(printed: Table) -> RichTable:
    grid = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    grid.add_column("")
    for column in (*printed.columns, "n"):
        grid.add_column(column.replace("(%)", "%"), justify="right", no_wrap=True)
    for group, members in printed.groups:
        if group != "reference":
            grid.add_row(Text(GROUP_TITLES[group].lower(), style="italic dim"))
        for line in members:
            grid.add_row(*_fields(line))
        grid.add_section()
    return grid


def _fields(line: Line) -> list[Text]:
    """Print means, and the spread of Avg. Gap only: a terminal has 80 columns."""
    name = Text.assemble(line.title, (" " + ",".join(line.notes), "dim"))
    numbers = [
        Text(
            f"{entry.value} ± {entry.spread}" if column == "gap" and entry.spread else entry.value,
            style=STYLES[entry.rank],
        )
        for column, entry in zip(COLUMNS, line.entries, strict=True)
    ]
    return [name, *numbers, Text(line.count)]
