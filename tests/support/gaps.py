"""Made-up results with given gaps."""

from mubench.store.results import SweepResults
from tests.support.report_world import finals, retrains


def gaps_of(table, requests):
    """Cells by rows: a source whose rows have these gaps, a little apart by request."""
    records = []
    for number, gaps in enumerate(table):
        cell = f"digits/small_cnn/random-0.{number + 1}"
        records += retrains(cell, requests)
        for row, gap in gaps.items():
            records += finals(cell, row, gap, "tuned", requests)
    cells = tuple(f"digits/small_cnn/random-0.{k + 1}" for k in range(len(table)))
    return SweepResults("toy", "", tuple(records), cells, tuple(table[0]), {}, "")
