"""A made-up cell with evidence, controls and a metric without power; distances are known.

Nine requests, three Retrains each. Replicas lie 0.01 and 0.02 from Retrain in UA, RA, TA and MIA,
and in accuracy after relearning (`relearn_few`): another Retrain's mean distance is 0.015.
"""

from dataclasses import replace

from mubench.report.analysis.aggregate import Cell, aggregate
from mubench.store.record import Record
from mubench.store.results import SweepResults
from tests.support.report_cells import CELL
from tests.support.report_world import RETRAIN, finals, retrains

N = 9
FEW = 0.5
"""Retrain's accuracy on D_f after relearning from a few."""
ROWS = ("ft", "ga", "sham")


def evidence_source(n: int = N) -> SweepResults:
    """FT is like Retrain in the table and unlike it after relearning; GA is unlike it in both.

    FT: 0.015 (-1)^k above another Retrain's distance in the table, 0.3 after relearning; GA: 0.1
    (1 + 0.1 k) and 0.3. The original: 0.25 in the table but for RA, where another Retrain is as
    far, and 0.5 after relearning. Sham, the control: 0.25 and 0.5.
    """
    return SweepResults(
        "toy",
        "",
        (
            *(_with(one, relearn_few=FEW + 0.01 * one.replica) for one in retrains(CELL, n)),
            *(
                _with(one, ra=RETRAIN["ra"] - _apart(one))
                for one in _row("original", "", 0.25, FEW + 0.5, n)
            ),
            *(
                _with(one, gap=_apart(one), **{t: v - _apart(one) for t, v in RETRAIN.items()})
                for one in _row("ft", "tuned", 0.0, FEW + 0.3, n)
            ),
            *(_with(one, relearn_few=FEW + 0.3) for one in finals(CELL, "ga", 0.1, "tuned", n)),
            *_row("sham", "control", 0.25, FEW + 0.5, n),
        ),
        (CELL,),
        ROWS,
        {},
        "mubench run toy",
    )


def evidence_cell(n: int = N) -> Cell:
    """The cell."""
    return aggregate(evidence_source(n))[0]


def with_closest_control(source: SweepResults) -> SweepResults:
    """A sweep with a control in each cell that has Retrain's values at no cost."""
    shams = [
        _with(one, gap=0.0, rte_seconds=0.0, **RETRAIN)
        for cell in source.cells
        for n in [len({r.request for r in source.records if r.cell == cell and r.row})]
        for one in finals(cell, "sham", 0.0, "control", n)
    ]
    return replace(source, records=(*source.records, *shams), rows=(*source.rows, "sham"))


def _with(one: Record, **values: float) -> Record:
    return replace(one, metrics={**one.metrics, **values})


def _row(row: str, selection: str, away: float, few: float, n: int) -> list[Record]:
    """Each of the four values so far below Retrain's."""
    table = {term: value - away for term, value in RETRAIN.items()}
    made = finals(CELL, row, 0.1, selection, n)
    return [_with(one, **table, gap=away, relearn_few=few) for one in made]


def _apart(one: Record) -> float:
    """Nothing and 0.03 in turn: 0.015 nearer and farther than another Retrain."""
    return 0.03 * (int(one.request.rpartition("/")[2]) % 2)
