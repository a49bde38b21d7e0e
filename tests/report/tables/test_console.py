"""The terminal's table: every number, in eighty columns."""

import io
from dataclasses import replace

from rich.console import Console

from mubench.report.tables.console import console_table
from mubench.report.tables.table import table
from tests.support.evidence_world import evidence_cell, evidence_source
from tests.support.report_cells import CELL, source
from tests.support.report_world import finals, retrains, world


def test_the_terminal_shows_every_number_in_eighty_columns():
    console = Console(width=80, record=True, file=io.StringIO())
    for part in console_table(world()):
        console.print(part)
    text = console.export_text()
    assert "UGradSL (α = −0.2)" in text
    assert "11.00 ± 1.00" in text
    assert "…" not in text


def test_the_terminal_shows_names_as_text():
    console = Console(width=80, record=True, file=io.StringIO())
    rows = ("[red]x[/red]",)
    made = [replace(one, row=rows[0]) for one in finals(CELL, "ft", 0.1, "tuned", 1)]
    for part in console_table(source([*retrains(CELL, 1), *made], rows)):
        console.print(part)
    assert console.export_text().count("[red]x[/red]") == 3, "in the table and in the words"


def test_the_terminal_says_controls_and_columns_without_power():
    console = Console(width=200, record=True, file=io.StringIO())
    for part in console_table(evidence_source()):
        console.print(part)
    text = console.export_text()
    lines = [line.strip() for line in text.splitlines()]
    at = lines.index("controls, which forget nothing")
    assert lines[at + 1].startswith("Sham")
    [note] = table(evidence_cell()).power_notes
    assert note in lines
