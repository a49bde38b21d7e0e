"""What a call returns: the report's own digits, and HTML that runs nothing."""

from dataclasses import replace
from pathlib import Path

from mubench.report.analysis.aggregate import aggregate
from mubench.report.tables.table import table
from mubench.run.open_sweep import open_sweep
from mubench.session.result import BenchmarkResult
from tests.support.report_world import world


def result(source, place="reports/x/index.html"):
    return BenchmarkResult(Path(place), source, "name: x\n")


def test_the_table_is_that_of_the_report(finished):
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    found = result(opened.source)
    assert found.table in (finished / "report" / "main.md").read_text()
    assert found.table.startswith("## digits")
    assert found.records == opened.source.latest_records
    assert len(found.records) == 10


def test_a_notebook_shows_every_cell_and_the_place_of_the_report():
    html = result(world(), "a<b>/index.html")._repr_html_()
    cells = [table(cell) for cell in aggregate(world())]
    assert html.count("<table>") == len(cells) > 1
    assert all(f"<h4>{each.cell}</h4>" in html for each in cells)
    assert html.endswith("<div>Report: <code>a&lt;b&gt;/index.html</code></div>")


def test_the_text_of_a_result_is_short():
    found = result(replace(world(), name="pets"))
    assert repr(found) == "BenchmarkResult('pets', report='reports/x/index.html')"
