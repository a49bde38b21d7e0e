"""Each cell in one line: which row is closest to Retrain, at what cost, and how significant."""

from dataclasses import dataclass

from mubench.errors import plural
from mubench.report.analysis.aggregate import Cell, Row
from mubench.report.analysis.comparisons import Verdicts, against_closest
from mubench.report.analysis.format import format_percent, format_seconds, join_words
from mubench.report.analysis.significance import mean_interval
from mubench.report.text.summary import cost_share, original_is_within_noise


@dataclass(frozen=True)
class OverviewRow:
    """One cell's line; words where there is no number."""

    closest: str
    selection: str
    gap: str
    interval: str
    floor: str
    cost: str
    share: str
    """Of Retrain's cost."""
    significance: str


_NOTHING = OverviewRow("—", "", "—", "", "—", "—", "", "no row is ranked yet")


def overview(cell: Cell, verdicts: Verdicts) -> OverviewRow:
    """Return the line of a cell."""
    selection = cell.leading_selection
    if selection is None:
        return _NOTHING
    best = cell.ranked(selection)[0]
    share = cost_share(best, cell.retrain)
    gaps = [r.metrics["gap"] for r in best.scored if "gap" in r.metrics]
    interval = mean_interval(gaps, best.luck("gap") or 0.0)
    return OverviewRow(
        closest=best.title,
        selection=selection,
        gap=format_percent(best.estimates["gap"].mean),
        interval=f"{format_percent(interval[0])} to {format_percent(interval[1])}"
        if interval
        else "one request",
        floor=format_percent(cell.floor.mean["gap"]) if cell.floor else "—",
        cost=_cost(best),
        share=f"{share} of Retrain" if share else "",
        significance=_significance(cell, verdicts, selection),
    )


def _cost(row: Row) -> str:
    cost = row.estimates.get("rte_seconds")
    return f"{format_seconds(cost.mean)} s" if cost else "—"


def _significance(cell: Cell, verdicts: Verdicts, selection: str) -> str:
    ranked, pairs = cell.ranked(selection), verdicts.pairs[selection]
    if original_is_within_noise(cell):
        return "none: the original is within Retrain's noise"
    if not pairs:
        return "no other row to compare with"
    closest = against_closest(pairs)
    if len(closest[0].differences) < closest[0].needs:
        return f"not significant: {closest[0].count}, {closest[0].needs} needed"
    ties = [pair.second.title for pair in closest if pair.verdict != "closer"]
    if ties:
        return f"no significant difference from {join_words(ties)}"
    others = sum(row.selection == selection for row in cell.methods) - len(ranked)
    unranked = f"; {plural(others, 'row')} not ranked" if others else ""
    return f"significantly closer than all other complete {selection} rows{unranked}"
