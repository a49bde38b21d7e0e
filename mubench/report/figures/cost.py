"""Avg. Gap against run time: what closeness to Retrain costs."""

from collections.abc import Sequence
from typing import Any

from mubench.report.analysis.aggregate import Cell, Row
from mubench.report.figures.figure import (
    BAND,
    HEIGHT,
    INK,
    PICK,
    PICKED,
    RULE,
    WIDTH,
    Figure,
    Spec,
    bar,
    figure,
    looks,
    percent,
    values,
)
from mubench.report.format import row_title

_WORD: Spec = {
    "type": "text",
    "color": INK,
    "fontSize": 12,
    "fontStyle": "italic",
    "align": "left",
}


def gap_against_cost(cell: Cell) -> Figure | None:
    """Draw every row with a gap and a cost, the front that no row dominates, and the anchors."""
    held = [row for row in cell.methods if {"gap", "rte_seconds"} <= row.estimates.keys()]
    points = [_point(row) for row in held if row.estimates["rte_seconds"].mean > 0]
    if not points:
        return None
    scales = looks([cell], (point["row"] for point in points))
    x = {"field": "cost", "type": "quantitative", "title": "RTE (s)", "scale": _LOG}
    y = {"field": "gap", "type": "quantitative", "title": "Avg. Gap (points)"}
    color = {"field": "row", "type": "nominal", "title": None, "scale": scales.color}
    shape = {"field": "row", "type": "nominal", "title": None, "scale": scales.shape}
    layers = [
        *_anchors(cell),
        {
            "data": values(front(points)),
            "mark": {
                "type": "line",
                "color": BAND,
                "strokeWidth": 1.5,
                "interpolate": "step-after",
            },
            "encoding": {"x": x, "y": y},
        },
        {
            "data": values(points),
            "params": [PICK],  # in the first layer with colours, else the legend ignores clicks
            "mark": {"type": "rule", "strokeWidth": 1.2},
            "encoding": {
                "x": x,
                "y": {"field": "low", "type": "quantitative"},
                "y2": {"field": "high"},
                "color": color,
                "opacity": PICKED,
            },
        },
        {
            "data": values(points),
            "mark": {"type": "rule", "strokeWidth": 1.2},
            "encoding": {
                "x": {"field": "fast", "type": "quantitative", "scale": _LOG},
                "x2": {"field": "slow"},
                "y": y,
                "color": color,
                "opacity": PICKED,
            },
        },
        {
            "data": values(points),
            "mark": {"type": "point", "size": 64, "strokeWidth": 1.5},
            "encoding": {
                "x": x,
                "y": y,
                "color": color,
                "shape": shape,
                "fill": color,
                "fillOpacity": {"field": "solid", "type": "quantitative", "scale": None},
                "opacity": PICKED,
                "tooltip": [
                    {"field": "row", "title": "Row"},
                    {"field": "selection", "title": "Selection"},
                    {"field": "gap", "title": "Avg. Gap", "format": ".2f"},
                    {"field": "cost", "title": "RTE (s)", "format": ".3g"},
                ],
            },
        },
    ]
    return figure(
        "gap-cost",
        "Avg. Gap against run time. Bars: one standard deviation. Filled: tuned; hollow: defaults. "
        "Line: the front, no row is both closer and cheaper. Shaded: 95 % of Retrain pairs differ "
        "by less. Dashed: the cost of Retrain, and the gap of doing nothing.",
        {"layer": layers, "width": WIDTH, "height": HEIGHT},
    )


_LOG: Spec = {"type": "log", "padding": 16}


def front(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the points that no other point beats in cost and gap at once, cheapest first.

    >>> points = [{"cost": 2, "gap": 1}, {"cost": 1, "gap": 3}, {"cost": 3, "gap": 2}]
    >>> [point["gap"] for point in front(points)]
    [3, 1]
    """
    best = float("inf")
    found = []
    for point in sorted(points, key=lambda one: (one["cost"], one["gap"])):
        if point["gap"] < best:
            best = point["gap"]
            found.append({"cost": point["cost"], "gap": point["gap"]})
    return found


def _point(row: Row) -> dict[str, Any]:
    cost = row.estimates["rte_seconds"]
    spread = cost.spread or 0.0
    return {
        "row": row_title(row.label),
        "selection": row.selection,
        "cost": cost.mean,
        "fast": cost.mean - spread if spread < cost.mean else cost.mean,  # the axis has no zero
        "slow": cost.mean + spread,
        "gap": percent(row, "gap"),
        **bar(row, "gap"),
        "solid": int(row.selection == "tuned"),
    }


def _anchors(cell: Cell) -> list[Spec]:
    """Draw the noise floor, what Retrain costs, and the gap of the original."""
    cost, idle = cell.retrain.estimates.get("rte_seconds"), cell.original.estimates.get("gap")
    layers: list[Spec] = []
    if cell.floor and "gap" in cell.floor.percentile_95:
        layers.append(
            {
                "data": values([{"low": 0, "high": 100 * cell.floor.percentile_95["gap"]}]),
                "mark": {"type": "rect", "color": BAND, "opacity": 0.25},
                "encoding": {
                    "y": {"field": "low", "type": "quantitative"},
                    "y2": {"field": "high"},
                },
            }
        )
    if cost and cost.mean > 0:
        at: Spec = {"x": {"field": "cost", "type": "quantitative"}}
        data = values([{"cost": cost.mean}])
        word = {**_WORD, "dx": 5, "y": HEIGHT - 10, "text": "Retrain"}
        layers += [
            {"data": data, "mark": RULE, "encoding": at},
            {"data": data, "mark": word, "encoding": at},
        ]
    if idle:
        at = {"y": {"field": "gap", "type": "quantitative"}}
        data = values([{"gap": 100 * idle.mean}])
        word = {**_WORD, "dy": -7, "x": 4, "text": "Original"}
        layers += [
            {"data": data, "mark": RULE, "encoding": at},
            {"data": data, "mark": word, "encoding": at},
        ]
    return layers
