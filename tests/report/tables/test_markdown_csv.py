"""Tables as Markdown and CSV."""

import csv

import pytest

from mubench.report.analysis.aggregate import aggregate
from mubench.report.tables.markdown_csv import csv_text, to_csv, to_markdown
from mubench.report.tables.table import table
from tests.support.evidence_world import evidence_cell
from tests.support.report_cells import CELL, only_cell, with_gaps
from tests.support.report_world import retrains, world


def test_one_request_has_no_spread():
    row = only_cell([*retrains(CELL, 1), *with_gaps("ft", [0.01])]).methods[0]
    assert row.estimates["gap"].spread is None
    assert "±" not in to_markdown(table(only_cell([*with_gaps("ft", [0.01])])))


def test_a_table_prints_percent_with_the_distance_to_retrain_in_parentheses():
    text = to_markdown(table(aggregate(world())[0]))
    assert "| UGradSL+ | tuned | 25.80 ± 0.20 (2.20) |" in text
    assert "| **2.20 ± 0.20 (2.20)** |" in text
    assert "| *4.40 ± 0.40 (4.40)* |" in text
    assert "| GA<sup>1</sup> | tuned |" in text


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_never_sees_a_formula(start):
    assert csv_text(f"{start}cmd|' /C calc'!A0").startswith("'" + start)


def test_csv_holds_every_line_of_every_cell_with_equally_many_fields():
    tables = [table(cell) for cell in aggregate(world())]
    rows = list(csv.reader(to_csv(tables).splitlines()))
    assert len(rows) == 1 + 2 * (3 + 14)
    assert {len(row) for row in rows} == {len(rows[0])}
    best = [row for row in rows if row[4] == "best" and row[0] == CELL]
    assert [(row[1], row[2]) for row in best] == [
        ("ugradsl_plus", "tuned"),
        ("ugradsl_plus", "default"),
    ]


def test_controls_and_columns_without_power_are_said():
    printed = table(evidence_cell())
    text = to_markdown(printed)
    assert "| Sham | control |" in text
    assert text.splitlines()[-1] == (
        "RA (%): no power to tell the original from Retrain: the original is farther from Retrain "
        "than another Retrain in 4 of 9 requests (95 % interval 14 to 79 %)  "
    )
    rows = csv.DictReader(to_csv([printed]).splitlines())
    [control] = [row for row in rows if row["selection"] == "control"]
    assert (control["row"], control["group"], control["rank"]) == ("sham", "", "")
