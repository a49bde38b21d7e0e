"""Avg. Gap against run time: the cost of being close to Retrain."""

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
    RowStyles,
    Spec,
    bar,
    figure,
    percent,
    row_styles,
    values,
)

_WORD: Spec = {
    "type": "text",
    "color": INK,
    "fontSize": 12,
    "fontStyle": "italic",
    "align": "left",
}


_LOG: Spec = {"type": "log", "padding": 16}
_X: Spec = {"field": "cost", "type": "quantitative", "title": "RTE (s)", "scale": _LOG}
_Y: Spec = {"field": "gap", "type": "quantitative", "title": "Avg. Gap (points)"}
_TOOLTIP = [
    {"field": "row", "title": "Row"},
    {"field": "selection", "title": "Selection"},
    {"field": "gap", "title": "Avg. Gap", "format": ".2f"},
    {"field": "cost", "title": "RTE (s)", "format": ".3g"},
]


def gap_against_cost(cell: Cell) -> Figure | None:
    """Draw every row with a gap and a cost, the front that no row dominates, and the anchors."""
    measured = [row for row in cell.methods if {"gap", "rte_seconds"} <= row.estimates.keys()]
    points = [_point(row) for row in measured if row.estimates["rte_seconds"].mean > 0]
    if not points:
        return None
    styles = row_styles([cell], (point["row"] for point in points))
    layers = [*_anchors(cell), _front_line(points), *_error_bars(points, styles)]
    return figure(
        "gap-cost",
        "Avg. Gap against run time. Bars: one standard deviation. Filled: tuned; hollow: defaults. "
        "Line: the Pareto front, where no row is both closer and cheaper. Shaded: 95 % of Retrain "
        "pairs differ by less. Dashed: the cost of Retrain, and the gap of the original.",
        {"layer": [*layers, _marks(points, styles)], "width": WIDTH, "height": HEIGHT},
    )


def _front_line(points: Sequence[dict[str, Any]]) -> Spec:
    step = {"type": "line", "color": BAND, "strokeWidth": 1.5, "interpolate": "step-after"}
    return {"data": values(front(points)), "mark": step, "encoding": {"x": _X, "y": _Y}}


def _error_bars(points: Sequence[dict[str, Any]], styles: RowStyles) -> list[Spec]:
    """Bars of one standard deviation, of the gap and of the cost."""
    shared = {"color": _by_row(styles.color), "opacity": PICKED}
    gaps = {"x": _X, "y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}
    fast: Spec = {"field": "fast", "type": "quantitative", "scale": _LOG}
    costs = {"x": fast, "x2": {"field": "slow"}, "y": _Y}
    bars: Spec = {"data": values(points), "mark": {"type": "rule", "strokeWidth": 1.2}}
    return [
        # The first layer with colours has the pick, else the legend ignores clicks.
        {**bars, "params": [PICK], "encoding": {**gaps, **shared}},
        {**bars, "encoding": {**costs, **shared}},
    ]


def _marks(points: Sequence[dict[str, Any]], styles: RowStyles) -> Spec:
    """A point for each row, filled where it is tuned."""
    color = _by_row(styles.color)
    return {
        "data": values(points),
        "mark": {"type": "point", "size": 64, "strokeWidth": 1.5},
        "encoding": {
            "x": _X,
            "y": _Y,
            "color": color,
            "shape": _by_row(styles.shape),
            "fill": color,
            "fillOpacity": {"field": "solid", "type": "quantitative", "scale": None},
            "opacity": PICKED,
            "tooltip": _TOOLTIP,
        },
    }


def _by_row(scale: Spec) -> Spec:
    return {"field": "row", "type": "nominal", "title": None, "scale": scale}


def front(points: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the points that no other point beats in cost and gap at once, cheapest first.

    >>> points = [{"cost": 2, "gap": 1}, {"cost": 1, "gap": 3}, {"cost": 3, "gap": 2}]
    >>> [point["gap"] for point in front(points)]
    [3, 1]
    """
    best = float("inf")
    kept = []
    for point in sorted(points, key=lambda one: (one["cost"], one["gap"])):
        if point["gap"] < best:
            best = point["gap"]
            kept.append({"cost": point["cost"], "gap": point["gap"]})
    return kept


def _point(row: Row) -> dict[str, Any]:
    cost = row.estimates["rte_seconds"]
    spread = cost.spread or 0.0
    return {
        "row": row.title,
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
