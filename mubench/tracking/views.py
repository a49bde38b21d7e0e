"""Saved views of an experiment: which runs and columns MLflow shows first, and which charts. Pure.

MLflow shows no metric among the columns of its own accord and sorts charts by name. A saved view
is an experiment's tag that MLflow 3.17 lists in the menu Views of the runs' page, or opens by
link; the form of its state is that of its user interface. Older servers keep the tag and show
nothing of it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mubench.catalogue.ids import content_id
from mubench.sweep.plan import Plan
from mubench.tracking.metrics import FIRST

_TAG = "mlflow.sharedViewState."
_SECTION = "mubench-compare"
_WIDE, _NARROW = 300, 120
"""Pixels of the column of names, and of a number's."""


@dataclass(frozen=True)
class View:
    """A saved view of the runs' page."""

    key: str
    """What it is found again by."""
    title: str
    state: Mapping[str, Any]

    def link(self, experiment: str) -> str:
        """Where it opens, with its charts, as a path below the server's address."""
        return (
            f"#/experiments/{experiment}/runs?viewStateShareKey={self.key}"
            "&compareRunsMode=CHART&workflowType=machine_learning"
        )


def views(plan: Plan, names: Mapping[str, str]) -> tuple[View, ...]:
    """The methods of each cell side by side; every final step.

    Args:
        plan: the sweep's.
        names: a short name for each cell.
    """
    selections = ("tuned", "default") if plan.studies else ("default",)
    titles = ((cell, f"Compare methods: {names[cell]}") for cell in plan.cells)
    return (*(_comparison(title, cell, selections) for cell, title in titles), _final_steps())


def view_tags(found: Iterable[View], created: int) -> dict[str, str]:
    """The experiment's tags that make them; `created` in milliseconds since 1970."""
    return {
        f"{_TAG}{view.key}": json.dumps(
            {
                "name": view.title,
                "createdAt": created,
                "updatedAt": created,
                "state": json.dumps(view.state),
            }
        )
        for view in found
    }


def _comparison(title: str, cell: str, selections: Sequence[str]) -> View:
    """Of the first selection all that the table has, of another its Avg. Gap.

    A row with nothing to search has defaults alone.
    """
    main, *others = selections
    means = [f"{main}/{metric}" for metric in FIRST]
    gap, cost = means[0], means[-1]
    gaps = [f"{other}/gap" for other in others]
    columns = [gap, f"{main}_sd/gap", *means[1:], f"{main}/requests", *gaps]
    charts = [
        _bar(gap),
        _chart("SCATTER", f"{cost} {gap}", xaxis=_axis(cost), yaxis=_axis(gap)),
        *([_curve("search/best_objective")] if main == "tuned" else []),
        *map(_bar, [*means[1:], *gaps]),
    ]
    section = {"uuid": _SECTION, "name": title, "display": True, "isReordered": False}
    state = _state(f"tags.kind = 'row' and tags.cell = {_quoted(cell)}", gap, columns, [])
    return View(
        f"mubench-{content_id(cell)}",
        title,
        {
            **state,
            "compareRunCharts": charts,
            "compareRunSections": [section],
            "isAccordionReordered": True,
        },
    )


def _final_steps() -> View:
    tags = ["cell", "row", "selection", "request", "status", "flags", "mubench.record"]
    state = _state("tags.kind = 'final'", "gap", FIRST, tags)
    return View("mubench-finals", "Every final step", state)


def _state(where: str, by: str, metrics: Iterable[str], tags: Iterable[str]) -> dict[str, Any]:
    """Runs that match, the smallest `by` first, and columns in the order given."""
    numbers = [f"metrics.`{metric}`" for metric in metrics]
    columns = [*numbers, *(f"tags.`{tag}`" for tag in tags)]
    name = "attributes.`Run Name`"
    return {
        "searchFilter": where,
        "orderByKey": f"metrics.`{by}`",
        "orderByAsc": True,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": columns,
        "columnOrder": [name, *columns],
        "columnWidths": {name: _WIDE, **dict.fromkeys(numbers, _NARROW)},
        "runsHiddenMode": "SHOW_ALL",
    }


def _chart(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"mubench-{content_id(name)}",
        "metricSectionId": _SECTION,
        "runsCountToCompare": 100,
        "deleted": False,
        "isGenerated": False,
        **more,
    }


def _bar(metric: str) -> dict[str, Any]:
    return _chart("BAR", metric, metricKey=metric)


def _curve(metric: str) -> dict[str, Any]:
    """On a logarithmic axis: a first candidate that diverged counts as 1.0."""
    return _chart(
        "LINE",
        metric,
        metricKey=metric,
        selectedMetricKeys=[metric],
        scaleType="log",
        xAxisScaleType="linear",
        xAxisKey="step",
        selectedXAxisMetricKey="",
        yAxisKey="metric",
        yAxisExpressions=[],
        range={},
        lineSmoothness=0,
        ignoreOutliers=False,
        useGlobalXaxisKey=True,
        useGlobalLineSmoothing=True,
    )


def _axis(metric: str) -> dict[str, str]:
    return {"key": metric, "type": "METRIC"}


def _quoted(text: str) -> str:
    """A value in MLflow's search language, which knows no escapes."""
    return f'"{text}"' if "'" in text else f"'{text}'"
