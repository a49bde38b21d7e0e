"""One table as values, printed by every format, so that all formats show the same digits."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mubench.errors import plural
from mubench.report.analysis.aggregate import COLUMNS, SELECTIONS, Cell, Row
from mubench.report.analysis.comparisons import Rank, Verdicts, judge, marks
from mubench.report.analysis.evidence import power_words, powers
from mubench.report.analysis.format import format_percent, format_seconds, method_title
from mubench.report.analysis.noise import Floor
from mubench.store.record import Record
from mubench.sweep.kinds import RETRAIN
from mubench.sweep.published import CellNumbers, Published, Values

HEADINGS = {
    "ua": "UA (%)",
    "mia_svc": "MIA (%)",
    "ra": "RA (%)",
    "ta": "TA (%)",
    "gap": "Avg. Gap",
    "rte_seconds": "RTE (s)",
}
PAPER = {
    "ua": "UA (%), paper",
    "mia_svc": "MIA (%), paper",
    "ra": "RA (%), paper",
    "ta": "TA (%), paper",
    "gap": "Avg. Gap, paper",
    "rte": "RTE, paper",
}
CONTROL = "control"
"""The group of rows that forget nothing."""
GROUP = "Group"
"""Heading of the letters."""
CAPTION = (
    "Mean ± standard deviation over requests; in parentheses the distance between the mean and "
    "Retrain's, in points. Avg. Gap is the mean over requests of each request's own gap, "
    "so it is never smaller than the gap of means beside it. Best and second best in Avg. Gap are "
    "marked within tuned and within default. Rows of one group that share a letter do not differ "
    "significantly in Avg. Gap: exact paired test over requests, with allowance for the luck in "
    "tuning, Holm's correction over all pairs, "
    "5 %."
)


@dataclass(frozen=True)
class Entry:
    """One number as it is printed; `key` orders entries of a column, None for no number."""

    value: str = ""
    spread: str = ""
    distance: str = ""
    rank: Rank = ""
    key: float | None = None


@dataclass(frozen=True)
class Line:
    """One row as it is printed."""

    name: str
    """The row's label in records, `ugradsl[alpha=-0.2]`."""
    method: str
    """The method of the row, `ugradsl`."""
    title: str
    group: str
    """`reference`, `tuned`, `default` or `control`."""
    entries: tuple[Entry, ...]
    count: str
    """Requests with a number, of those planned: `3/3`."""
    records: tuple[Record, ...] = ()
    """What the line is made from."""
    letters: str = ""
    """Rows of a group that share a letter do not differ significantly."""
    notes: tuple[str, ...] = ()
    """Marks of the footnotes that concern this row."""
    paper: Mapping[str, str] = field(default_factory=dict)
    """What a paper printed, by heading; beside the tuned row, or the only one there is."""

    @property
    def full_title(self) -> str:
        """The title with the group, where the row is no reference."""
        return self.title if self.group == "reference" else f"{self.title} · {self.group}"

    @property
    def printed(self) -> tuple[tuple[Entry, str], ...]:
        """Each number, and what a paper printed for it."""
        papers = map(self.paper_of, COLUMNS)
        return tuple(zip(self.entries, papers, strict=True))

    def paper_of(self, metric: str) -> str:
        """What a paper printed for a column of this table; empty where nothing is known."""
        return self.paper.get(PAPER["rte" if metric == "rte_seconds" else metric], "")


@dataclass(frozen=True)
class Table:
    """One cell's results."""

    cell: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    footnotes: tuple[tuple[str, str], ...]
    """Mark and text."""
    powerless: Mapping[str, str] = field(default_factory=dict)
    """Headings of the columns that cannot tell the original from Retrain here, with the reason."""
    paper: tuple[str, ...] = ()
    """Headings of the columns that a paper's numbers fill; none where none are known."""
    paper_note: str = ""

    def group(self, name: str) -> tuple[Line, ...]:
        """Return the lines of one group in order."""
        return tuple(line for line in self.lines if line.group == name)

    @property
    def groups(self) -> tuple[tuple[str, tuple[Line, ...]], ...]:
        """The groups that have lines, references first."""
        names = ("reference", *SELECTIONS, CONTROL)
        return tuple((name, self.group(name)) for name in names if self.group(name))

    @property
    def power_notes(self) -> tuple[str, ...]:
        """Why columns are powerless, a sentence each."""
        return tuple(f"{heading}: {reason}" for heading, reason in self.powerless.items())


def table(
    cell: Cell, published: Published | None = None, verdicts: Verdicts | None = None
) -> Table:
    """Print a cell: references and noise floor first, then tuned rows, then defaults.

    A paper's numbers are printed as it gives them: other hardware makes other times.
    """
    texts = dict.fromkeys(text for row in cell.rows for text in row.issues())
    footnotes = {text: str(number) for number, text in enumerate(texts, 1)}
    ranks, letters = marks(cell), (verdicts or judge(cell)).letters
    lines = [
        _line(row, ranks.get(key, ""), letters.get(key, ""), footnotes)
        for row in cell.rows
        for key in [(row.label, row.selection)]
    ]
    lines.insert(1, _floor_line(cell.floor))
    printed = Table(
        cell=cell.name,
        columns=tuple(HEADINGS[metric] for metric in COLUMNS),
        lines=tuple(lines),
        footnotes=tuple((mark, text) for text, mark in footnotes.items()),
        powerless={
            HEADINGS[metric]: power_words(power)
            for metric, power in powers(cell, COLUMNS).items()
            if power.is_lacking
        },
    )
    paper = published.cells.get(cell.name) if published else None
    return _with_paper(printed, paper, published.source) if published and paper else printed


def _with_paper(printed: Table, paper: CellNumbers, source: str) -> Table:
    """Put a paper's numbers beside the tuned line of each row, or the only line that it has."""
    numbers = {
        label: _paper_numbers(values, paper.rte_unit) for label, values in paper.rows.items()
    }
    tuned = {line.name for line in printed.group("tuned")}
    lines = tuple(
        line
        if line.group == "default" and line.name in tuned
        else replace(line, paper=numbers.get(line.name, {}))
        for line in printed.lines
    )
    filled = {heading for line in lines for heading in line.paper}
    headings = tuple(heading for heading in PAPER.values() if heading in filled)
    return replace(printed, lines=lines, paper=headings, paper_note=f"Paper: {source}")


def _paper_numbers(values: Values, rte_unit: str) -> dict[str, str]:
    numbers = {metric: getattr(values, metric) for metric in PAPER}
    return {
        PAPER[metric]: f"{value:.2f} {rte_unit}" if metric == "rte" else f"{value:.2f}"
        for metric, value in numbers.items()
        if value is not None
    }


def _line(row: Row, rank: Rank, letters: str, footnotes: dict[str, str]) -> Line:
    return Line(
        name=row.label,
        method=row.method,
        title=row.title,
        group=row.selection or "reference",
        entries=tuple(_entry(row, metric, rank) for metric in COLUMNS),
        count=f"{len(row.scored)}/{row.expected}",
        records=row.records,
        letters=letters,
        notes=tuple(footnotes[text] for text in row.issues()),
    )


def _entry(row: Row, metric: str, rank: Rank) -> Entry:
    estimate = row.estimates.get(metric)
    if estimate is None:
        return Entry()
    distance = None if row.label == RETRAIN else row.distances.get(metric)
    return Entry(
        value=number_text(metric, estimate.mean),
        spread=""
        if estimate.spread is None
        else number_text(metric, estimate.spread, like=estimate.mean),
        distance="" if distance is None else format_percent(distance),
        rank=rank if metric == "gap" else "",
        key=estimate.mean,
    )


def number_text(metric: str, value: float, *, like: float | None = None) -> str:
    """Print a number of a column; a spread has the decimals of the mean that it is `like`."""
    return format_seconds(value, like=like) if metric == "rte_seconds" else format_percent(value)


def _floor_line(floor: Floor | None) -> Line:
    """Return the noise floor as a line: mean pairwise distances, in points."""
    count = plural(floor.pairs, "pair") if floor else "no pairs"
    mean = floor.mean if floor else {}
    entries = tuple(
        Entry(format_percent(mean[metric]), key=mean[metric]) if metric in mean else Entry()
        for metric in COLUMNS
    )
    records = floor.records if floor else ()
    return Line("floor", "", method_title("floor"), "reference", entries, count, records)
