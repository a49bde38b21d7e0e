"""The whole report as values, before it is printed in any format."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from mubench.report.analysis.aggregate import SELECTIONS, Cell, aggregate
from mubench.report.analysis.comparisons import Comparison, Verdicts, against_closest, judge
from mubench.report.analysis.importance import importances
from mubench.report.analysis.judge_claims import Judged, judged
from mubench.report.analysis.ranks import Ranks, ranks
from mubench.report.analysis.tuning import Study, studies
from mubench.report.figures.figure import Figure
from mubench.report.figures.select import cell_figures, sweep_figures
from mubench.report.tables.table import Table, table
from mubench.report.text import summary
from mubench.report.text.reviewer_questions import Question, questions
from mubench.store.examples import CellExhibits
from mubench.store.results import ReportSource


@dataclass(frozen=True)
class Block:
    """One cell."""

    cell: Cell
    verdicts: Verdicts
    table: Table
    studies: tuple[Study, ...]
    figures: tuple[Figure, ...]
    exhibits: CellExhibits | None

    @property
    def comparisons(self) -> tuple[tuple[str, str, Comparison], ...]:
        """What is shown of all pairs: those of the closest row, and the planned ones.

        Each with its selection, and `pairs` or `planned`.
        """
        found = [
            (selection, kind, pair)
            for selection in SELECTIONS
            for kind, held in (
                ("pairs", against_closest(self.verdicts.pairs[selection])),
                ("planned", self.verdicts.planned[selection]),
            )
            for pair in held
        ]
        return tuple(found)

    @property
    def headline(self) -> str:
        """The cell in one sentence."""
        return summary.headline(self.cell)

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """Cost, verdicts and anchors."""
        return summary.remarks(self.cell, self.verdicts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Doubts."""
        return summary.warnings(self.cell)


@dataclass(frozen=True)
class Report:
    """A sweep: its cells, and what only several of them can say."""

    source: ReportSource
    blocks: tuple[Block, ...]
    claims: tuple[Judged, ...]
    ranks: Ranks | None
    figures: tuple[Figure, ...]
    questions: tuple[Question, ...]

    @property
    def every_figure(self) -> Mapping[str, Figure]:
        """All figures by a name that says the number of their cell; 0 for those of the sweep."""
        across = {f"0-{k}-{figure.name}": figure for k, figure in enumerate(self.figures, 1)}
        return across | {
            f"{number}-{block.cell.name}-{figure.name}": figure
            for number, block in enumerate(self.blocks, 1)
            for figure in block.figures
        }


MANY = 100
"""Studies and figures beyond which importances and the figures' files must be asked for."""


def report_of(source: ReportSource, *, full: bool = False) -> Report:
    """Compute everything that a report shows; `full` spares nothing in a large sweep."""
    cells = aggregate(source)
    weighs = full or sum(len(cell.searched) for cell in cells) <= MANY
    blocks = tuple(_block(source, cell, weighs) for cell in cells)
    ranking = ranks(cells)
    return Report(
        source=source,
        blocks=blocks,
        claims=judged(source.claims, cells),
        ranks=ranking,
        figures=sweep_figures(cells, ranking),
        questions=questions(source, cells, [study for block in blocks for study in block.studies]),
    )


def _block(source: ReportSource, cell: Cell, weighs: bool) -> Block:
    verdicts, searched = judge(cell), studies(cell, source.objective)
    held = source.exhibits.cells.get(cell.name) if source.exhibits else None
    return Block(
        cell=cell,
        verdicts=verdicts,
        table=table(cell, source.published, verdicts),
        studies=searched,
        figures=cell_figures(cell, searched, importances(searched) if weighs else {}, held),
        exhibits=held,
    )
