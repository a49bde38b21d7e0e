"""Descriptions that a person reads in MLflow."""

from dataclasses import replace

from mubench.report.analysis.aggregate import aggregate
from mubench.report.tables.markdown_csv import to_markdown
from mubench.report.tables.table import CAPTION, table
from mubench.report.text.summary import headline
from mubench.sweep.plan import Plan
from mubench.tracking.descriptions import LONGEST, experiment_note, row_note, sweep_note
from tests.support.evidence_world import evidence_cell
from tests.support.report_world import world
from tests.support.tracked_plan import cells


def test_the_sweeps_description_says_what_came_out_and_where_things_are(plan: Plan):
    links = {"Compare methods: class": "#/experiments/7/runs?viewStateShareKey=k"}
    note = sweep_note(plan, cells(), None, links)
    first = note.splitlines()[0]
    assert "[Compare methods: class](#/experiments/7/runs?viewStateShareKey=k)" in first
    assert "`report/index.html`" in first
    for cell in cells():
        assert headline(cell) in note
        assert f"## {cell.name.replace('_', chr(92) + '_')}" in note
    assert "| UGradSL+ | tuned |" in note
    assert "| default |" not in note, "the report has the defaults"
    assert "fractions" in note
    assert note.endswith(CAPTION)


def test_a_long_description_is_cut_cell_by_cell(plan: Plan):
    cell = cells()[0]
    many = [replace(cell, name=f"digits/small-cnn/{k:03}") for k in range(200)]
    links = {f"Compare methods: {one.name}": "#/" + 100 * "x" for one in many}
    for count in (1, 2, 5, 20, 200):
        note = sweep_note(plan, many[:count], None, dict(list(links.items())[:count]))
        assert len(note) <= LONGEST
        shown = note.count("\n## ")
        said = note.count("- **digits/small-cnn/")
        assert shown == count or f"The table of {count - shown} more cell" in note
        assert said == count or f"Words on {count - said} more cells" in note
        assert note.count("| UGradSL+ | tuned |") == shown, "no table is cut"
    assert (shown, said > 3) == (0, True)
    assert len(experiment_note(plan, links)) <= LONGEST


def test_a_cell_without_tuned_rows_shows_its_defaults(plan: Plan):
    source = world()
    untuned = [r for r in source.records if r.selection != "tuned"]
    expected = {key: n for key, n in source.expected.items() if key[2] != "tuned"}
    cell = aggregate(replace(source, records=tuple(untuned), expected=expected))[0]
    assert "| UGradSL+ | default |" in sweep_note(plan, [cell], None, {})


def test_a_rows_description_has_its_own_lines_and_notes_alone():
    cell = cells()[0]
    chosen = next(r for r in world().records if r.row == "ga" and r.selection == "tuned")
    note = row_note(cell, "ga", None, [chosen], 4)
    assert note.startswith("Tuned: Avg. Gap 11.00 ± 1.00 points over 3 requests. Default: ")
    assert "The search chose candidate 2 of 4: `epochs` = 5, `lr` = 0.01." in note
    lines = [line for line in note.splitlines() if line.startswith("| ")]
    titles = [line.split("|")[1].partition("<")[0].strip() for line in lines[2:]]
    assert titles == ["Retrain", "Original", "GA", "GA"]
    assert "1 of 3 diverged" in note
    assert "predictions unchanged" not in note, "that is FT's"
    whole = to_markdown(table(cell)).splitlines()
    assert set(lines) <= set(whole), "the report's digits"


def test_an_experiment_counts_its_methods_and_a_control_has_its_own_words(plan: Plan):
    assert plan.controls
    assert f", {len(plan.methods)} rows." in experiment_note(plan, {})
    note = row_note(evidence_cell(), "sham", None, [], 0)
    assert note.startswith("Control: Avg. Gap 25.00 ± 0.00 points over 9 requests.")
    assert "| Sham | control |" in note
