"""Each cell in one line: who is closest to Retrain, at what cost, and how sure that is."""

from dataclasses import dataclass

from mubench.report.analysis.aggregate import SELECTIONS, Cell, Row
from mubench.report.analysis.comparisons import Verdicts, against_closest
from mubench.report.analysis.significance import bootstrap_interval
from mubench.report.format import listed, plural, points, row_title, seconds
from mubench.report.text.summary import is_blind


@dataclass(frozen=True)
class Glance:
    """One cell's line; words where there is no number."""

    closest: str
    selection: str
    gap: str
    interval: str
    floor: str
    cost: str
    share: str
    """Of Retrain's cost."""
    sureness: str


_NOTHING = Glance("—", "", "—", "", "—", "—", "", "nothing is ranked yet")


def glance(cell: Cell, verdicts: Verdicts) -> Glance:
    """Return the line of a cell."""
    selection = next((s for s in SELECTIONS if cell.ranked(s)), None)
    if selection is None:
        return _NOTHING
    best = cell.ranked(selection)[0]
    gaps = [r.metrics["gap"] for r in best.scored if "gap" in r.metrics]
    interval = bootstrap_interval(gaps)
    return Glance(
        closest=row_title(best.label),
        selection=selection,
        gap=points(best.estimates["gap"].mean),
        interval=f"{points(interval[0])} to {points(interval[1])}" if interval else "one request",
        floor=points(cell.floor.mean["gap"]) if cell.floor and "gap" in cell.floor.mean else "—",
        cost=_cost(best),
        share=_share(best, cell.retrain),
        sureness=_sureness(cell, verdicts, selection),
    )


def _cost(row: Row) -> str:
    cost = row.estimates.get("rte_seconds")
    return f"{seconds(cost.mean)} s" if cost else "—"


def _share(row: Row, retrain: Row) -> str:
    mine, whole = (one.estimates.get("rte_seconds") for one in (row, retrain))
    if mine is None or whole is None or whole.mean <= 0:
        return ""
    return f"{100 * mine.mean / whole.mean:.3g} % of Retrain"


def _sureness(cell: Cell, verdicts: Verdicts, selection: str) -> str:
    ranked, pairs = cell.ranked(selection), verdicts.pairs[selection]
    if is_blind(cell):
        return "nothing to forget here: within Retrain's own noise"
    if not pairs:
        return "no other row to compare with"
    closest = against_closest(pairs)
    if len(closest[0].differences) < closest[0].needs:
        return f"undecided: {closest[0].count}, {closest[0].needs} needed"
    ties = [row_title(pair.second.label) for pair in closest if pair.verdict != "closer"]
    if ties:
        return f"not told apart from {listed(ties)}"
    others = sum(row.selection == selection for row in cell.methods) - len(ranked)
    unranked = f"; {plural(others, 'row')} not ranked" if others else ""
    return f"told apart from every other complete {selection} row{unranked}"
