"""Tables as HTML: the digits of Markdown, and no text that a browser would run."""

from dataclasses import replace
from html.parser import HTMLParser

from mubench.report.analysis.aggregate import aggregate
from mubench.report.tables.html import to_html
from mubench.report.tables.markdown_csv import entry_text
from mubench.report.tables.table import Table, table
from tests.support.evidence_world import evidence_cell
from tests.support.report_world import world

HOSTILE = "<script>alert(1)</script>&\"'"


class Cells(HTMLParser):
    """The texts of a table's fields, row by row, and all tags."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def test_html_has_the_numbers_of_markdown():
    printed = table(aggregate(world())[0])
    read = Cells(to_html([printed]).partition("</table>")[0])
    lines = [line for _, members in printed.groups for line in members]
    assert [row[2 : 2 + len(printed.columns)] for row in read.rows[1:]] == [
        [entry_text(entry) for entry in line.entries] for line in lines
    ]
    assert read.rows[0] == ["Method", "", *printed.columns, "Group", *printed.paper, "n"]
    assert "<b>2.20 ± 0.20 (2.20)</b>" in to_html([printed])
    assert "<i>4.40 ± 0.40 (4.40)</i>" in to_html([printed])
    assert "GA<sup>1</sup></td><td>tuned</td>" in to_html([printed])


def test_no_text_is_html():
    printed = table(aggregate(world())[0])
    line = replace(
        printed.lines[-1],
        title=HOSTILE,
        letters=HOSTILE,
        count=HOSTILE,
        notes=(HOSTILE,),
        paper={HOSTILE: HOSTILE},
        entries=tuple(replace(each, value=HOSTILE) for each in printed.lines[-1].entries),
    )
    hostile = Table(
        cell=HOSTILE,
        columns=(HOSTILE,),
        lines=(line,),
        footnotes=((HOSTILE, HOSTILE),),
        powerless={HOSTILE: HOSTILE},
        paper=(HOSTILE,),
        paper_note=HOSTILE,
    )
    html = to_html([hostile])
    assert "script" not in Cells(html).tags
    assert html.count("&lt;script&gt;") == html.count("script&gt;") / 2 > 10


def test_controls_and_columns_without_power_are_said():
    printed = table(evidence_cell())
    html = to_html([printed])
    assert "<td>Sham</td><td>control</td>" in html
    [note] = printed.power_notes
    assert f"<div><small>{note}</small></div>" in html
