"""A table as LaTeX that fits the width of a two-column page. Hostile names come out as text."""

from mubench.report.formats import GROUP_TITLES
from mubench.report.tables import Entry, Line, Table

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
SIZES = (r"\scriptsize", r"\tiny")
"""Of numbers, and of what stands behind them: five columns fit the width of two."""
CAPTION = (
    r"Mean $\pm$ standard deviation%s; in parentheses the distance to Retrain's mean in points. "
    r"Best in bold, second best underlined, by Avg.\ Gap; rows of a block that share a letter "
    r"there cannot be told apart (exact paired test, Holm, 5\,\%%)."
)


def latex_text(text: str) -> str:
    r"""Escape text for LaTeX.

    >>> latex_text("a_b & 50 %")
    'a\\_b \\& 50 \\%'
    """
    return "".join(LATEX.get(character, character) for character in text)


def to_latex(table: Table, number: int) -> str:
    r"""Return a `table*` with booktabs rules; needs `\usepackage{booktabs}`.

    First cells stand in braces: a `[` after `\\` would be read as its optional argument. The count
    of requests is a column where rows differ in it, else it stands in the caption.
    """
    counts = {line.count for line in table.lines if line.name != "floor"}
    common = counts.pop().partition("/")[0] if len(counts) == 1 else ""
    heads = [*table.columns, *table.paper, *([] if common else ["n"])]
    over = f" over {common} requests" if common else ""
    body = [
        r"\begin{table*}[t]",
        rf"\centering{SIZES[0]}\setlength{{\tabcolsep}}{{3pt}}",
        rf"\caption{{{latex_text(table.cell)}. {CAPTION % over}}}",
        rf"\label{{tab:mubench-{number}}}",
        rf"\begin{{tabular}}{{l{'r' * len(heads)}}}",
        r"\toprule",
        " & ".join(["Method", *map(latex_text, heads)]) + r" \\",
    ]
    span = len(heads) + 1
    for group, members in table.groups:
        body += [r"\midrule", rf"\multicolumn{{{span}}}{{l}}{{\emph{{{GROUP_TITLES[group]}}}}} \\"]
        body += [_row(line, table, has_count=not common) for line in members]
    body += [r"\bottomrule", r"\end{tabular}"]
    body += [rf"\par $^{{{mark}}}$ {latex_text(text)}" for mark, text in table.footnotes]
    body += [rf"\par {latex_text(table.paper_note)}"] if table.paper else []
    return "\n".join([*body, r"\end{table*}", ""])


def _row(line: Line, table: Table, *, has_count: bool) -> str:
    marks = f"$^{{{','.join(line.notes)}}}$" if line.notes else ""
    numbers = [
        _number(entry, line.letters if column == "Avg. Gap" else "")
        for entry, column in zip(line.entries, table.columns, strict=True)
    ]
    numbers += [latex_text(line.paper.get(heading, "—")) for heading in table.paper]
    numbers += [line.count] if has_count else []
    return " & ".join([f"{{{latex_text(line.title)}{marks}}}", *numbers]) + r" \\"


def _number(entry: Entry, letters: str) -> str:
    """Print one number: value, ± spread and (distance) in a smaller size, letters raised."""
    if not entry.value:
        return "---"
    wrap = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}[entry.rank]
    spread = rf"\,$\pm$\,{latex_text(entry.spread)}" if entry.spread else ""
    distance = f" ({latex_text(entry.distance)})" if entry.distance else ""
    small = f"{{{SIZES[1]}{spread}{distance}}}" if spread or distance else ""
    raised = f"$^{{\\mathrm{{{letters}}}}}$" if letters else ""
    return wrap % latex_text(entry.value) + small + raised
