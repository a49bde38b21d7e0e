"""The overview of rows."""

from dataclasses import replace

from mubench.report.analysis.aggregate import aggregate
from mubench.report.analysis.comparisons import judge
from mubench.report.analysis.format import format_percent
from mubench.report.analysis.significance import mean_interval
from mubench.report.text.overview import overview
from tests.support.report_cells import CELL, remarks
from tests.support.report_world import without_luck, world


def incomplete_world():
    """Ten requests; the best row lacks one, and the defaults of GA are closest of all."""
    source = without_luck(world(10))
    gone = f"{CELL}:final:ugradsl_plus:tuned:3"
    kept = [
        replace(r, metrics={**r.metrics, "gap": 0.001})
        if r.id.startswith(f"{CELL}:final:ga:default")
        else r
        for r in source.records
        if r.id != gone
    ]
    return source.with_records(kept)


def test_rows_that_are_not_ranked_and_closer_defaults_are_named():
    cell = aggregate(incomplete_world())[0]
    said = " ".join(remarks(cell))
    assert "Not ranked, because numbers are missing: UGradSL+ (9 of 10)." in said
    assert "Defaults closer than every tuned row: GA (0.10)." in said
    assert "UGradSL+ is" not in said, "a row that is not ranked is not compared"
    line = overview(cell, judge(cell))
    assert (line.closest, line.gap) == ("FT", "5.80")
    assert (
        line.significance
        == "significantly closer than all other complete tuned rows; 1 row not ranked"
    )


def test_the_interval_of_the_closest_row_contains_the_luck_in_its_tuning():
    cells = [aggregate(source)[0] for source in (world(10), without_luck(world(10)))]
    with_luck, without = (overview(cell, judge(cell)).interval for cell in cells)
    (row,) = (r for r in cells[0].methods if (r.label, r.selection) == ("ugradsl_plus", "tuned"))
    gaps = [record.metrics["gap"] for record in row.scored]
    assert with_luck == " to ".join(
        format_percent(end) for end in mean_interval(gaps, row.luck("gap"))
    )
    assert with_luck != without
