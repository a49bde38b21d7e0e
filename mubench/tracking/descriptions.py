"""Descriptions of runs, in the Markdown that MLflow renders; numbers are in percent. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mubench.errors import plural
from mubench.report.analysis.aggregate import Cell, Row
from mubench.report.tables.markdown_csv import markdown_text, to_markdown
from mubench.report.tables.table import CAPTION, Line, Table, table
from mubench.report.text import summary
from mubench.store.record import Record
from mubench.sweep.kinds import REFERENCES
from mubench.sweep.plan import Plan
from mubench.sweep.published import Published

LONGEST = 8000
"""Characters that a tag of MLflow may have."""
_SPARE = 200
"""Characters for line breaks and the lines that say what is left out."""
_RUNS = (
    "**Runs below this one:** one for each row of each cell, with the means over its final "
    "requests and the search's curve, and below it its final steps; the references; the trainings. "
    "Metrics of runs are fractions and seconds; only descriptions have percent and points. "
    "`tags.\"mubench.key\" = 'RECORD ID'` in the search box finds a record's run."
)
_REPORT = "The report is `report/index.html` among the artifacts."


def sweep_note(
    plan: Plan, cells: Sequence[Cell], published: Published | None, links: Mapping[str, str]
) -> str:
    """Return the description of the sweep: its cells in words, and as many tables as fit.

    Args:
        plan: the plan of the sweep.
        cells: its results.
        published: a paper's numbers, or None.
        links: the link of each saved view, by title.
    """
    remarks = [f"- **{markdown_text(c.name)}**: {markdown_text(_remarks(c))}" for c in cells]
    tables = [to_markdown(_main_lines(table(cell, published))) for cell in cells]
    opening = f"{_linked(links)}. {_REPORT}"
    room = LONGEST - len(opening) - len(_RUNS) - len(CAPTION) - _SPARE
    words = _fitting(remarks, room)
    shown = _fitting(tables, room - sum(len(part) + 1 for part in words))
    parts = [opening, "\n".join([*words, *_left_out(remarks, words, "Words on")]), _RUNS]
    parts += [*shown, CAPTION] if shown else []
    return "\n\n".join([*parts, *_left_out(tables, shown, "The table of")])


def experiment_note(plan: Plan, links: Mapping[str, str]) -> str:
    """Return the description of the experiment, one paragraph: MLflow folds the rest away."""
    size = f"{plural(len(plan.cells), 'cell')}, {plural(len(plan.methods), 'row')}"
    where = f"The run {markdown_text(plan.name)} holds the results and the report."
    return f"Machine unlearning against retraining: {size}. {_linked(links)}. {where}"


def row_note(
    cell: Cell, label: str, published: Published | None, chosen: Sequence[Record], trials: int
) -> str:
    """Return the description of a row: its Avg. Gap, what its search chose, its lines of the table.

    Args:
        cell: the results of the row's cell.
        label: the row's label.
        published: a paper's numbers, or None.
        chosen: for each search of the row a final step with the hyperparameters that it chose.
        trials: the budget of the search in candidates.
    """
    whole = table(cell, published)
    lines = [line for line in whole.lines if line.name in (label, *REFERENCES)]
    parts = [" ".join(_gap_words(row) for row in cell.rows if row.label == label).strip()]
    for each in chosen:
        values = sorted(each.params.items())
        params = ", ".join(f"`{name}` = {markdown_text(str(value))}" for name, value in values)
        search = f"Search {each.repeat + 1}" if len(chosen) > 1 else "The search"
        parts.append(f"{search} chose candidate {each.candidate} of {trials}: {params}.")
    parts += [to_markdown(_of_lines(whole, lines)).rstrip(), CAPTION]
    return "\n\n".join(_fitting([part for part in parts if part], LONGEST))


def _gap_words(row: Row) -> str:
    gap = row.estimates.get("gap")
    if gap is None:
        return ""
    words = f"Avg. Gap {summary.spread_text(gap)} points over {plural(gap.n, 'request')}."
    return f"{row.selection.capitalize()}: {words}" if row.selection else words


def _linked(links: Mapping[str, str]) -> str:
    each = [f"[{markdown_text(title)}]({link})" for title, link in links.items()]
    return "**Views:** " + " · ".join(_fitting(each, LONGEST // 3))


def _remarks(cell: Cell) -> str:
    return " ".join([*summary.warnings(cell), summary.headline(cell)])


def _main_lines(whole: Table) -> Table:
    """A table without its defaults, where it has tuned rows: the report has all."""
    if not whole.group("tuned"):
        return whole
    return _of_lines(whole, [line for line in whole.lines if line.group != "default"])


def _of_lines(whole: Table, lines: Sequence[Line]) -> Table:
    """Some lines of a table, with their footnotes."""
    marks = {mark for line in lines for mark in line.notes}
    footnotes = tuple(note for note in whole.footnotes if note[0] in marks)
    return replace(whole, lines=tuple(lines), footnotes=footnotes)


def _fitting(parts: Sequence[str], room: int) -> list[str]:
    """The first parts that fit, each whole."""
    fitting: list[str] = []
    for part in parts:
        room -= len(part) + 2
        if room < 0:
            break
        fitting.append(part)
    return fitting


def _left_out(parts: Sequence[str], shown: Sequence[str], what: str) -> list[str]:
    missing = len(parts) - len(shown)
    return [f"{what} {plural(missing, 'more cell')}: in the report."] if missing else []
