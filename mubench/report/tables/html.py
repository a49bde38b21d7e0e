"""Tables as HTML for a notebook, which shows it as it is: every text is escaped."""

from collections.abc import Sequence
from html import escape

from mubench.report.tables.markdown_csv import entry_text
from mubench.report.tables.table import GROUP, Entry, Line, Table

_TAGS = {"best": ("<b>", "</b>"), "second": ("<i>", "</i>"), "": ("", "")}


def to_html(tables: Sequence[Table]) -> str:
    """A heading, a table and its footnotes for each cell: the same digits as in Markdown."""
    return "\n".join(part for table in tables for part in _parts(table))


def _parts(table: Table) -> list[str]:
    heads = ["Method", "", *table.columns, GROUP, *table.paper, "n"]
    rows = [
        _row("td", _fields(group, line, table.paper))
        for group, members in table.groups
        for line in members
    ]
    notes = [f"<sup>{escape(mark)}</sup> {escape(text)}" for mark, text in table.footnotes]
    notes += map(escape, table.power_notes)
    notes += [escape(table.paper_note)] if table.paper else []
    return [
        f"<h4>{escape(table.cell)}</h4>",
        f"<table><thead>{_row('th', map(escape, heads))}</thead>",
        f"<tbody>{''.join(rows)}</tbody></table>",
        *(f"<div><small>{note}</small></div>" for note in notes),
    ]


def _row(tag: str, fields: "Sequence[str] | map[str]") -> str:
    return f"<tr>{''.join(f'<{tag}>{field}</{tag}>' for field in fields)}</tr>"


def _fields(group: str, line: Line, paper: Sequence[str]) -> list[str]:
    """Those of one row as HTML."""
    marks = f"<sup>{escape(','.join(line.notes))}</sup>" if line.notes else ""
    return [
        escape(line.title) + marks,
        "" if group == "reference" else escape(group),
        *map(_number, line.entries),
        escape(line.letters),
        *(escape(line.paper.get(heading, "—")) for heading in paper),
        escape(line.count),
    ]


def _number(entry: Entry) -> str:
    before, after = _TAGS[entry.rank]
    return before + escape(entry_text(entry)) + after
