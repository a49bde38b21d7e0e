"""A table as Markdown, LaTeX and CSV. Hostile names come out as text in each."""

import csv
import io
from collections.abc import Sequence

from mubench.report.tables import GROUP, Entry, Line, Table

GROUP_TITLES = {"reference": "References", "tuned": "Tuned", "default": "Defaults"}
LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": "$-$",
    "α": r"$\alpha$",
    "—": "---",
    "\n": " ",
    "\r": " ",
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


def latex_text(text: str) -> str:
    r"""Escape text for LaTeX.

    >>> latex_text("a_b & 50 %")
    'a\\_b \\& 50 \\%'
    """
    return "".join(LATEX.get(character, character) for character in text)


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


def to_latex(table: Table, number: int) -> str:
    r"""Return a `table*` with booktabs rules; needs `\usepackage{booktabs}`.

    First cells stand in braces: a `[` after `\\` would be read as its optional argument.
    """
    width = len(table.columns) + len(table.paper) + 3
    body = [
        r"\begin{table*}[t]",
        r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{latex_text(table.cell)}. {LATEX_CAPTION}}}",
        rf"\label{{tab:mubench-{number}}}",
        rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}",
        r"\toprule",
        " & ".join(["Method", *map(latex_text, (*table.columns, GROUP, *table.paper)), "$n$"])
        + r" \\",
    ]
    for group, members in table.groups:
        body += [r"\midrule", rf"\multicolumn{{{width}}}{{l}}{{\emph{{{GROUP_TITLES[group]}}}}} \\"]
        body += [_latex_row(line, table.paper) for line in members]
    body += [r"\bottomrule", r"\end{tabular}"]
    body += [rf"\par $^{{{mark}}}$ {latex_text(text)}" for mark, text in table.footnotes]
    body += [rf"\par {latex_text(table.paper_note)}"] if table.paper else []
    return "\n".join([*body, r"\end{table*}", ""])


LATEX_CAPTION = (
    r"Mean $\pm$ standard deviation; in parentheses the distance to Retrain's mean in points. "
    r"Best in bold, second best underlined, by Avg.\ Gap; rows of a block that share a letter "
    r"cannot be told apart (exact paired test, Holm, 5\,\%)."
)


def _latex_row(line: Line, paper: Sequence[str]) -> str:
    marks = f"$^{{{','.join(line.notes)}}}$" if line.notes else ""
    wrap = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}
    numbers = [wrap[entry.rank] % latex_text(entry_text(entry)) for entry in line.entries]
    numbers += [line.letters, *(latex_text(line.paper.get(heading, "—")) for heading in paper)]
    return " & ".join([f"{{{latex_text(line.title)}{marks}}}", *numbers, line.count]) + r" \\"


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
