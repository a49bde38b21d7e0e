"""Which rows nothing beats in closeness, cost and leakage at once."""

from collections.abc import Mapping
from statistics import fmean

from mubench.report.analysis.aggregate import Cell, Row, finite_values
from mubench.report.analysis.format import format_percent, format_seconds, join_words
from mubench.report.tables.details import Details

_HINT = (
    "A row is on the front if no other row of its selection is at least as good in all three and "
    "better in one. Leakage: how far MIA AUC lies from its Retrain's, mean over requests, in "
    "points; means alone, without tests."
)


def front_table(cell: Cell) -> Details | None:
    """Print the three means of each leading row; None for fewer than two rows."""
    selection = cell.leading_selection
    ranked = cell.ranked(selection) if selection else ()
    targets = {r.request: r.metrics.get("mia_auc") for r in cell.retrain.scored}
    means = {row.title: found for row in ranked if (found := _means(row, targets))}
    if len(means) < 2:
        return None
    beaten = {
        title: [name for name, other in means.items() if _beats(other, own)]
        for title, own in means.items()
    }
    return Details(
        title="Closeness, cost and leakage",
        hint=_HINT,
        headings=("Row", "Avg. Gap", "RTE (s)", "Leakage", "On the front"),
        rows=tuple(
            (
                title,
                format_percent(gap),
                format_seconds(cost),
                format_percent(leakage),
                f"no: {join_words(beaten[title])}" if beaten[title] else "yes",
            )
            for title, (gap, cost, leakage) in means.items()
        ),
        words=frozenset({"Row", "On the front"}),
    )


def _means(row: Row, targets: Mapping[str, float | None]) -> tuple[float, float, float] | None:
    """Avg. Gap, cost and leakage; None where one of them is unknown."""
    leaks = [
        abs(record.metrics["mia_auc"] - target)
        for record in row.scored
        if "mia_auc" in record.metrics and (target := targets.get(record.request)) is not None
    ]
    costs = finite_values(row.records, "rte_seconds")
    if not leaks or not costs:
        return None
    return row.estimates["gap"].mean, fmean(costs), fmean(leaks)


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
