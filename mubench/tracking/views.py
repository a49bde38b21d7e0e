"""Saved views of an experiment: which runs, columns and charts MLflow shows first. Pure.

Without them MLflow shows no metric among the columns and sorts charts by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mubench.catalogue.ids import content_id
from mubench.sweep.plan import Plan
from mubench.tracking.metrics import FIRST
from mubench.tracking.view_state import (
    bar_chart,
    charts_state,
    curve_chart,
    quoted,
    scatter_chart,
    table_state,
    view_link,
    view_tag,
)


@dataclass(frozen=True)
class SavedView:
    """A saved view of the runs' page."""

    key: str
    """Identifies the view in its experiment."""
    title: str
    state: Mapping[str, Any]

    def link(self, experiment: str) -> str:
        """Return its link, as a path below the server's address."""
        return view_link(experiment, self.key)


def saved_views(plan: Plan, names: Mapping[str, str]) -> tuple[SavedView, ...]:
    """Return a view of each cell that compares its methods, and one of all final steps.

    Args:
        plan: the plan of the sweep.
        names: a short name for each cell.
    """
    selections = ("tuned", "default") if plan.studies else ("default",)
    titles = ((cell, f"Compare methods: {names[cell]}") for cell in plan.cells)
    return (*(_comparison(title, cell, selections) for cell, title in titles), _final_steps())


def view_tags(views: Iterable[SavedView], created: int) -> dict[str, str]:
    """Return the experiment's tags of views; `created` in milliseconds since 1970."""
    return dict(view_tag(view.key, view.title, view.state, created) for view in views)


def _comparison(title: str, cell: str, selections: Sequence[str]) -> SavedView:
    """All metrics of the first selection, Avg. Gap of the others.

    A row without a search has defaults alone.
    """
    main, *others = selections
    means = [f"{main}/{metric}" for metric in FIRST]
    gap, cost = means[0], means[-1]
    gaps = [f"{other}/gap" for other in others]
    columns = [gap, f"{main}_sd/gap", *means[1:], f"{main}/requests", *gaps]
    charts = [
        bar_chart(gap),
        scatter_chart(cost, gap),
        # A first candidate that diverged counts as 1.0: hence the logarithmic axis.
        *([curve_chart("search/best_objective")] if main == "tuned" else []),
        *map(bar_chart, [*means[1:], *gaps]),
    ]
    where = f"tags.kind = 'row' and tags.cell = {quoted(cell)}"
    state = table_state(where, gap, columns, []) | charts_state(title, charts)
    return SavedView(f"mubench-{content_id(cell)}", title, state)


def _final_steps() -> SavedView:
    tags = ["cell", "row", "selection", "request", "status", "flags", "mubench.record"]
    state = table_state("tags.kind = 'final'", "gap", FIRST, tags)
    return SavedView("mubench-finals", "Every final step", state)
