"""The report as one HTML file that needs no network: style, script, figures and records inside."""

from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mubench.metrics.later import all_metrics
from mubench.record import Record
from mubench.report import summary
from mubench.report.aggregate import COLUMNS, SELECTIONS, Cell
from mubench.report.conditions import REIMPLEMENTATION, conditions
from mubench.report.drawer import record_json
from mubench.report.figures import FAINT, INK, Figure
from mubench.report.formats import GROUP_TITLES
from mubench.report.source import ReportSource
from mubench.report.statistics import FEWEST, Comparison, against_backbones, against_closest
from mubench.report.tables import CAPTION, Table
from mubench.report.tuning import Study
from mubench.report.words import p_text, points, row_title, seconds


@dataclass(frozen=True)
class Block:
    """One cell as the page shows it."""

    cell: Cell
    table: Table
    figures: tuple[Figure, ...]
    studies: tuple[Study, ...]

    @property
    def headline(self) -> str:
        """The cell in one sentence."""
        return summary.headline(self.cell)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Verdicts and anchors."""
        return summary.remarks(self.cell)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Doubts."""
        return summary.warnings(self.cell)

    @property
    def comparisons(self) -> tuple[tuple[str, Comparison], ...]:
        """Each paired comparison once, with its selection."""
        found = {
            (pair.first.label, pair.second.label, selection): (selection, pair)
            for selection in SELECTIONS
            for pair in (
                *against_closest(self.cell, selection),
                *against_backbones(self.cell, selection),
            )
        }
        return tuple(found.values())


def page(source: ReportSource, blocks: Sequence[Block]) -> str:
    """Return the page; the same records give the same bytes."""
    environment = Environment(
        loader=PackageLoader("mubench.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        points=points, seconds=seconds, row_title=row_title, p_text=p_text, inline=inline
    )
    return environment.get_template("page.html.jinja").render(
        source=source,
        blocks=blocks,
        caption=CAPTION,
        columns=COLUMNS,
        group_titles=GROUP_TITLES,
        fewest=FEWEST,
        metrics=all_metrics(),
        conditions=conditions(source),
        reimplementation=REIMPLEMENTATION,
        records=Markup(record_json(shown(blocks))),
    )


def shown(blocks: Sequence[Block]) -> tuple[Record, ...]:
    """Return every record that a number on the page opens."""
    held = {
        record.id: record
        for block in blocks
        for line in block.table.lines
        for entry in line.entries
        for record in entry.records
    }
    return tuple(held[key] for key in sorted(held))


def inline(figure: Figure) -> Markup:
    """Return a figure's SVG in the page's own ink, so that it follows the theme."""
    return Markup(figure.svg.replace(INK, "currentColor").replace(FAINT, "var(--rule)"))
