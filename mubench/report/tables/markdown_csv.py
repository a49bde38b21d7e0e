"""A table as Markdown and CSV. Special characters in names are escaped in both."""

import csv
import io
from collections.abc import Sequence

from mubench.report.tables.table import GROUP, Entry, Line, Table

GROUP_TITLES = {
    "reference": "References",
    "tuned": "Tuned",
    "default": "Defaults",
    "control": "Controls, which forget nothing",
}
MARKDOWN = {
    **{character: f"\\{character}" for character in "\\`*_[]|#~$"},
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "\n": " ",
    "\r": " ",
}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes text that begins so for a formula; an apostrophe keeps it text."""


def markdown_text(text: str) -> str:
    r"""Escape text for Markdown.

    >>> markdown_text("a|b <i>")
    'a\\|b &lt;i&gt;'
    """
    return "".join(MARKDOWN.get(character, character) for character in text)


def csv_text(text: str) -> str:
    """Keep a spreadsheet from running a name.

    >>> csv_text("=1+1"), csv_text("ft")
    ("'=1+1", 'ft')
    """
    return "'" + text if text.startswith(FORMULA_STARTS) else text


def entry_text(entry: Entry) -> str:
    """Print one number: value ± spread (distance)."""
    if not entry.value:
        return "—"
    spread = f" ± {entry.spread}" if entry.spread else ""
    distance = f" ({entry.distance})" if entry.distance else ""
    return entry.value + spread + distance


def to_markdown(table: Table) -> str:
    """Return a heading, one pipe table and its footnotes."""
    heads = ["Method", "", *table.columns, GROUP, *table.paper, "n"]
    lines = [f"## {markdown_text(table.cell)}", "", _piped(heads)]
    lines.append(_piped([":--", ":--", *("--:" for _ in heads[2:])]))
    for group, members in table.groups:
        lines += [_piped(_markdown_row(group, line, table.paper)) for line in members]
    notes = [f"<sup>{mark}</sup> {markdown_text(text)}  " for mark, text in table.footnotes]
    notes += [f"{markdown_text(note)}  " for note in table.power_notes]
    notes += [markdown_text(table.paper_note)] if table.paper else []
    return "\n".join([*lines, "", *notes, ""])


def _piped(fields: Sequence[str]) -> str:
    return f"| {' | '.join(fields)} |"


def _markdown_row(group: str, line: Line, paper: Sequence[str]) -> list[str]:
    marks = f"<sup>{','.join(line.notes)}</sup>" if line.notes else ""
    wrap = {"best": "**", "second": "*", "": ""}
    numbers = [wrap[entry.rank] + entry_text(entry) + wrap[entry.rank] for entry in line.entries]
    return [
        markdown_text(line.title) + marks,
        "" if group == "reference" else group,
        *numbers,
        line.letters,
        *(line.paper.get(heading, "—") for heading in paper),
        line.count,
    ]


def to_csv(tables: Sequence[Table]) -> str:
    """Return all tables as one CSV: a value, spread and distance column for every number."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = tables[0].columns if tables else ()
    parts = [f"{column}{part}" for column in columns for part in ("", " sd", " to Retrain")]
    paper = list(dict.fromkeys(heading for table in tables for heading in table.paper))
    writer.writerow(["cell", "row", "selection", "n", "rank", "group", *parts, *paper, "notes"])
    for table in tables:
        texts = dict(table.footnotes)
        for line in table.lines:
            numbers = [x for e in line.entries for x in (e.value, e.spread, e.distance)]
            rank = next((entry.rank for entry in line.entries if entry.rank), "")
            notes = "; ".join(texts[mark] for mark in line.notes)
            numbers += [line.paper.get(heading, "") for heading in paper]
            names = map(csv_text, (table.cell, line.name, line.group))
            writer.writerow([*names, line.count, rank, line.letters, *numbers, csv_text(notes)])
    return out.getvalue()
