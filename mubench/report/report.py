"""The whole report as values, of which every format is made: page, Markdown, LaTeX, CSV."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain

from mubench.report.analysis.aggregate import Cell, aggregate
from mubench.report.analysis.comparisons import Verdicts, judge
from mubench.report.analysis.importance import importances
from mubench.report.analysis.judge_claims import ClaimResult, judge_claims
from mubench.report.analysis.ranks import Ranks, ranks
from mubench.report.analysis.tuning import Study, studies
from mubench.report.figures.figure import Figure
from mubench.report.figures.select import cell_figures, sweep_figures
from mubench.report.figures.times import time_bars
from mubench.report.tables.all_metrics import metric_table
from mubench.report.tables.details import Details, comparison_table, tuning_table
from mubench.report.tables.evidence import evidence_tables
from mubench.report.tables.front import front_table
from mubench.report.tables.table import Table, table
from mubench.report.text import summary
from mubench.report.text.overview import OverviewRow, overview
from mubench.report.text.provenance import caveats, conditions
from mubench.report.text.reviewer_questions import Question, questions
from mubench.store.examples import CellExamples
from mubench.store.results import SweepResults


@dataclass(frozen=True)
class CellReport:
    """One cell: everything that any format shows of it."""

    cell: Cell
    verdicts: Verdicts
    table: Table
    overview: OverviewRow
    details: tuple[Details, ...]
    """Folded tables: all metrics, paired comparisons, tuning."""
    figures: tuple[Figure, ...]
    examples: CellExamples | None
    headline: str
    """The cell in one sentence."""
    remarks: tuple[str, ...]
    """Cost, significance and anchors."""
    warnings: tuple[str, ...]
    """Reasons to doubt the numbers."""

    @property
    def axes(self) -> Mapping[str, str]:
        """What a reader may filter cells by; empty where the cell has no such value."""
        ratio = self.cell.ratio
        return {
            "dataset": self.cell.dataset,
            "model": self.cell.model,
            "kind": self.cell.kind,
            "ratio": "" if ratio is None else f"{ratio:g}",
        }


@dataclass(frozen=True)
class Report:
    """A sweep: its cells, and results over several cells."""

    source: SweepResults
    cells: tuple[CellReport, ...]
    claims: tuple[ClaimResult, ...]
    ranks: Ranks | None
    figures: tuple[Figure, ...]
    questions: tuple[Question, ...]
    conditions: tuple[tuple[str, str], ...]
    caveats: tuple[str, ...]
    times: Figure | None
    """Where the time of its steps went."""

    @property
    def has_grid(self) -> bool:
        """Whether some row is a grid point of the sweep."""
        return any(row.grid_values for one in self.cells for row in one.cell.methods)

    @property
    def every_figure(self) -> Mapping[str, Figure]:
        """All figures by a name that says the number of their cell; 0 for those of the sweep."""
        across = {f"0-{k}-{figure.name}": figure for k, figure in enumerate(self.figures, 1)}
        last = {} if self.times is None else {f"0-appendix-{self.times.name}": self.times}
        of_cells = {
            f"{number}-{block.cell.name}-{figure.name}": figure
            for number, block in enumerate(self.cells, 1)
            for figure in block.figures
        }
        return across | of_cells | last


MANY = 100
"""With more studies or figures, importances and figure files are made on request only."""


def report_of(source: SweepResults, *, full: bool = False) -> Report:
    """Compute everything that a report shows, of a large sweep the importances only if `full`."""
    cells = aggregate(source)
    has_importances = full or sum(len(cell.searched) for cell in cells) <= MANY
    searches = [studies(cell, source.objective) for cell in cells]
    ranking = ranks(cells)
    return Report(
        source=source,
        cells=tuple(
            _cell_report(source, cell, searched, has_importances)
            for cell, searched in zip(cells, searches, strict=True)
        ),
        claims=judge_claims(source.claims, cells),
        ranks=ranking,
        figures=sweep_figures(cells, ranking),
        questions=questions(source, cells, list(chain.from_iterable(searches))),
        conditions=conditions(source),
        caveats=caveats(cells),
        times=time_bars(source.records),
    )


def _cell_report(
    source: SweepResults, cell: Cell, searched: tuple[Study, ...], has_importances: bool
) -> CellReport:
    verdicts = judge(cell)
    examples = source.examples.cells.get(cell.name) if source.examples else None
    details = (
        *evidence_tables(cell),
        metric_table(cell).details,
        front_table(cell),
        comparison_table(verdicts),
        tuning_table(searched, source.objective),
    )
    shares = importances(searched) if has_importances else {}
    return CellReport(
        cell=cell,
        verdicts=verdicts,
        table=table(cell, source.published, verdicts),
        overview=overview(cell, verdicts),
        details=tuple(one for one in details if one),
        figures=cell_figures(cell, searched, shares, examples),
        examples=examples,
        headline=summary.headline(cell),
        remarks=summary.remarks(cell, verdicts),
        warnings=summary.warnings(cell),
    )
