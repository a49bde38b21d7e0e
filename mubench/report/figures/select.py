"""Which figures a cell and a sweep have."""

from collections.abc import Mapping, Sequence

from mubench.report.analysis.aggregate import Cell
from mubench.report.analysis.ranks import Ranks
from mubench.report.analysis.tuning import Study
from mubench.report.figures.confidence import confidence_histograms
from mubench.report.figures.cost import gap_against_cost
from mubench.report.figures.curves import hyperparameter_curves, ratio_curves
from mubench.report.figures.figure import Figure
from mubench.report.figures.ranking import critical_difference
from mubench.report.figures.relearning import relearning_curves
from mubench.report.figures.search import importance_bars, tuning_curves
from mubench.report.figures.theorem import predicted_improvements
from mubench.store.examples import CellExamples


def cell_figures(
    cell: Cell,
    studies: Sequence[Study],
    importances: Mapping[str, Mapping[str, float]],
    examples: CellExamples | None,
) -> tuple[Figure, ...]:
    """Return the figures that a cell has numbers for."""
    figures = [
        gap_against_cost(cell),
        tuning_curves(cell, studies),
        *hyperparameter_curves(cell),
        importance_bars(cell, importances),
        confidence_histograms(cell, examples) if examples else None,
        relearning_curves(cell),
    ]
    return tuple(figure for figure in figures if figure)


def sweep_figures(cells: Sequence[Cell], ranks: Ranks | None) -> tuple[Figure, ...]:
    """Return the figures that compare cells."""
    ranking = (critical_difference(ranks),) if ranks else ()
    theorem = predicted_improvements(cells)
    return (*ranking, *ratio_curves(cells), *((theorem,) if theorem else ()))
