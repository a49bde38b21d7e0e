"""A table as LaTeX, as wide as a two-column page. Special characters in names are escaped."""

from mubench.report.analysis.aggregate import COLUMNS
from mubench.report.tables.markdown_csv import GROUP_TITLES
from mubench.report.tables.table import Entry, Line, Table

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
"""Sizes of numbers and of spreads: five columns fit the width of a two-column page."""
CAPTION = (
    r"Mean $\pm$ standard deviation%s; in parentheses the distance to Retrain's mean in points. "
    r"Best in bold, second best underlined, by Avg.\ Gap; rows of a block that share a letter "
    r"there do not differ significantly (exact paired test that allows for tuning, Holm, 5\,\%%)."
)


def latex_text(text: str) -> str:
    r"""Escape text for LaTeX.

    >>> latex_text("a_b & 50 %")
    'a\\_b \\& 50 \\%'
    """
    return "".join(LATEX.get(character, character) for character in text)


def to_latex(table: Table, number: int) -> str:
    r"""Return a `table*` with booktabs rules; needs `\usepackage{booktabs}`.

    First cells are in braces: a `[` after `\\` would be read as its optional argument. The count
    of requests is a column where rows differ in it, else it stands in the caption.
    """
    counts = {line.count for line in table.lines if line.name != "floor"}
    common = counts.pop().partition("/")[0] if len(counts) == 1 else ""
    heads = [*table.columns, *([] if common else ["n"])]
    over = f" over {common} requests" if common else ""
    over += "; in brackets the paper's number" if table.paper else ""
    body = [
        r"\begin{table*}[t]",
        rf"\centering{SIZES[0]}\setlength{{\tabcolsep}}{{{1.5 if table.paper else 3}pt}}",
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
    body += [rf"\par {latex_text(note)}" for note in table.power_notes]
    body += [rf"\par {latex_text(table.paper_note)}"] if table.paper else []
    return "\n".join([*body, r"\end{table*}", ""])


def _row(line: Line, table: Table, *, has_count: bool) -> str:
    marks = f"$^{{{','.join(line.notes)}}}$" if line.notes else ""
    numbers = [
        _number(
            entry,
            line.letters if metric == "gap" else "",
            line.paper_of(metric),
            is_gap=metric == "gap",
        )
        for entry, metric in zip(line.entries, COLUMNS, strict=True)
    ]
    numbers += [line.count] if has_count else []
    return " & ".join([f"{{{latex_text(line.title)}{marks}}}", *numbers]) + r" \\"


def _number(entry: Entry, letters: str, paper: str, *, is_gap: bool) -> str:
    """Print one number: value, ± spread and (distance) in a smaller size, letters raised."""
    printed = f" {{{SIZES[1]}[{latex_text(paper)}]}}" if paper else ""
    if not entry.value:
        return "---" + printed
    wrap = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "": "%s"}[entry.rank]
    spread = rf"\,$\pm$\,{latex_text(entry.spread)}" if entry.spread else ""
    # Avg. Gap is a distance already; the one of means beside it is left to the other formats.
    has_distance = entry.distance and not is_gap
    distance = f" ({latex_text(entry.distance)})" if has_distance else ""
    small = f"{{{SIZES[1]}{spread}{distance}}}" if spread or distance else ""
    raised = f"$^{{\\mathrm{{{letters}}}}}$" if letters else ""
    return wrap % latex_text(entry.value) + small + raised + printed
