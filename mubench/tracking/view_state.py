"""Saved views in the private form of MLflow's user interface, and nowhere else. Pure."""

# This is the form that MLflow 3.17 writes itself: an experiment's tag that it lists in the menu
# Views of the runs' page and opens by link. It is no public interface. Where another version does
# not know the tag it shows its default page instead: nothing else of mubench reads these tags.

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mubench.catalogue.ids import content_id

_TAG = "mlflow.sharedViewState."
_SECTION = "mubench-compare"
_WIDE, _NARROW = 300, 120
"""Widths in pixels of the column of names, and of a number."""


def view_link(experiment: str, key: str) -> str:
    """Return the link of a view with its charts, as a path below the server's address."""
    return (
        f"#/experiments/{experiment}/runs?viewStateShareKey={key}"
        "&compareRunsMode=CHART&workflowType=machine_learning"
    )


def view_tag(key: str, title: str, state: Mapping[str, Any], created: int) -> tuple[str, str]:
    """Return name and value of the experiment's tag; `created` in milliseconds since 1970."""
    envelope = {
        "name": title,
        "createdAt": created,
        "updatedAt": created,
        "state": json.dumps(state),
    }
    return f"{_TAG}{key}", json.dumps(envelope)


def table_state(
    where: str, order_by: str, metrics: Iterable[str], tags: Iterable[str]
) -> dict[str, Any]:
    """Return the table of the runs that match, smallest `order_by` first.

    Args:
        where: a filter in MLflow's search language.
        order_by: name of a metric.
        metrics: the columns of metrics, in order.
        tags: the columns of tags after them, in order.
    """
    numbers = [f"metrics.`{metric}`" for metric in metrics]
    columns = [*numbers, *(f"tags.`{tag}`" for tag in tags)]
    name = "attributes.`Run Name`"
    return {
        "searchFilter": where,
        "orderByKey": f"metrics.`{order_by}`",
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


def charts_state(title: str, charts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one section of charts under a title."""
    section = {"uuid": _SECTION, "name": title, "display": True, "isReordered": False}
    return {
        "compareRunCharts": list(charts),
        "compareRunSections": [section],
        "isAccordionReordered": True,
    }


def bar_chart(metric: str) -> dict[str, Any]:
    """Return a bar for each run."""
    return _chart("BAR", metric, metricKey=metric)


def scatter_chart(x: str, y: str) -> dict[str, Any]:
    """Return a point for each run, one metric against another."""
    return _chart("SCATTER", f"{x} {y}", xaxis=_axis(x), yaxis=_axis(y))


def curve_chart(metric: str) -> dict[str, Any]:
    """Return a line for each run over its steps, on a logarithmic axis."""
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


def quoted(text: str) -> str:
    """Return a value in MLflow's search language, which has no escapes."""
    return f'"{text}"' if "'" in text else f"'{text}'"


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


def _axis(metric: str) -> dict[str, str]:
    return {"key": metric, "type": "METRIC"}
