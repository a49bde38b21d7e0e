"""The table that all formats print, a paper's numbers beside it."""

from dataclasses import replace

from mubench.report.analysis.aggregate import aggregate
from mubench.report.tables.table import table
from tests.support.evidence_world import evidence_cell, evidence_source
from tests.support.printed_numbers import BESIDE
from tests.support.report_cells import CELL, only_cell
from tests.support.report_world import retrains, world


def test_a_papers_numbers_stand_beside_tuned_rows_and_references():
    first, second = aggregate(BESIDE)
    printed = table(first, BESIDE.published)
    assert printed.paper == ("Avg. Gap, paper", "RTE, paper")
    held = {(line.name, line.group): dict(line.paper) for line in printed.lines if line.paper}
    assert held == {
        ("retrain", "reference"): {"RTE, paper": "26.95 min"},
        ("ft", "tuned"): {"Avg. Gap, paper": "43.12", "RTE, paper": "1.74 min"},
        ("ugradsl", "tuned"): {"Avg. Gap, paper": "0.10"},
    }
    assert table(second, BESIDE.published) == table(second)


def test_a_row_that_has_nothing_to_search_has_them_beside_its_defaults():
    records = tuple(r for r in world().records if r.selection != "tuned" or r.row != "ft")
    expected = {key: n for key, n in world().expected.items() if key[1:] != ("ft", "tuned")}
    source = replace(BESIDE, records=records, expected=expected)
    printed = table(aggregate(source)[0], source.published)
    assert [line.group for line in printed.lines if line.name == "ft" and line.paper] == ["default"]


def test_one_retrain_a_request_leaves_the_noise_floor_unknown():
    cell = only_cell([one for one in retrains(CELL, 2) if one.replica == 0])
    assert cell.floor is None
    assert table(cell).lines[1].count == "no pairs"


def test_a_planned_row_without_any_record_is_shown_as_missing():
    cell = only_cell([], expected={(CELL, "ga", "tuned"): 3})
    assert [row.label for row in cell.methods] == ["ga"]
    assert table(cell).lines[-1].count == "0/3"
    assert table(cell).footnotes == (("1", "3 of 3 not run yet"),)


def test_controls_are_a_group_at_the_end_without_rank_or_letter():
    printed = table(evidence_cell())
    assert [(name, [line.name for line in lines]) for name, lines in printed.groups] == [
        ("reference", ["retrain", "floor", "original"]),
        ("tuned", ["ft", "ga"]),
        ("control", ["sham"]),
    ]
    [sham] = printed.group("control")
    assert (sham.full_title, sham.letters, sham.count) == ("Sham · control", "", "9/9")
    assert {entry.rank for entry in sham.entries} == {""}
    assert sham.entries[0].distance == "25.00"


def test_a_control_that_is_closest_takes_no_rank_from_a_method():
    source = evidence_source()
    closest = [
        replace(r, metrics={**r.metrics, "gap": 0.0}) if r.row == "sham" else r
        for r in source.records
    ]
    printed = table(aggregate(source.with_records(closest))[0])
    ranks = {line.name: line.entries[4].rank for line in printed.lines if line.entries[4].rank}
    assert ranks == {"ft": "best", "ga": "second"}


def test_a_column_that_cannot_tell_the_original_from_retrain_is_powerless():
    printed = table(evidence_cell())
    reason = (
        "no power to tell the original from Retrain: the original is farther from Retrain than "
        "another Retrain in 4 of 9 requests (95 % interval 14 to 79 %)"
    )
    assert printed.powerless == {"RA (%)": reason}
    assert printed.power_notes == (f"RA (%): {reason}",)
    assert table(evidence_cell(5)).powerless == {}, "five requests cannot show a lack"
