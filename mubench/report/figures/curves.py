"""Metrics against a hyperparameter that a card declares, and against the forget ratio."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mubench.catalogue import cards
from mubench.report.analysis.aggregate import SELECTIONS, Cell, Row
from mubench.report.analysis.format import row_title, symbol
from mubench.report.figures.figure import (
    PICK,
    PICKED,
    RULE,
    Figure,
    RowStyles,
    Spec,
    bar,
    figure,
    percent,
    row_styles,
    values,
)

_Points = dict[str, list[dict[str, Any]]]
"""Points to draw, by metric."""
TITLES = {
    "ua": "UA (%)",
    "mia_svc": "MIA (%)",
    "ra": "RA (%)",
    "ta": "TA (%)",
    "gap": "Avg. Gap (points)",
}
_SHOWN = ("ua", "ra", "ta", "gap")


@dataclass(frozen=True)
class CurveAxis:
    """A hyperparameter that cards declare as an axis, and the rows that are points of its grid."""

    name: str
    title: str
    points: tuple[tuple[Row, float], ...]
    """Rows with their values."""


def curve_axes(cell: Cell) -> tuple[CurveAxis, ...]:
    """Return the axes that the cards of a cell's methods declare, with or without points."""
    titles: dict[str, str] = {}
    points: dict[str, list[tuple[Row, float]]] = {}
    for row in cell.methods:
        card = cards.find_method(row.method)
        for name, title in card.curves.items() if card else ():
            titles.setdefault(name, title)
            value = row.grid_values.get(name)
            axis_points = points.setdefault(name, [])
            if row.scored and isinstance(value, int | float):
                axis_points.append((row, float(value)))
    return tuple(
        CurveAxis(name, titles[name], tuple(axis_points)) for name, axis_points in points.items()
    )


def hyperparameter_curves(cell: Cell) -> tuple[Figure, ...]:
    """Draw UA, RA, TA and Avg. Gap against each declared hyperparameter with several values."""
    return tuple(
        _hyperparameter_curve(cell, axis)
        for axis in curve_axes(cell)
        if len({value for _, value in axis.points}) > 1
    )


def _hyperparameter_curve(cell: Cell, axis: CurveAxis) -> Figure:
    points: _Points = {
        metric: [
            {
                "row": row_title(row.label, row.method, row.given, without=axis.name),
                "selection": row.selection,
                "at": value,
                "value": percent(row, metric),
                **bar(row, metric),
            }
            for row, value in axis.points
            if metric in row.estimates
        ]
        for metric in _SHOWN
    }
    targets = {metric: _target(cell, metric) for metric in _SHOWN}
    x: Spec = {"title": symbol(axis.name), "axis": {"tickCount": 4}}
    return figure(
        f"curve-{axis.name}",
        f"Metrics against the {axis.title} {symbol(axis.name)}. Bars: one standard deviation. "
        "Solid: tuned; broken: defaults. Dashed rule: Retrain.",
        _panels([cell], points, targets, x),
    )


def ratio_curves(cells: Sequence[Cell]) -> tuple[Figure, ...]:
    """Draw each metric against the forget ratio, for cells that differ in nothing else."""
    series: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        if cell.ratio is not None and not cell.is_empty:
            series.setdefault((cell.dataset, cell.model, cell.kind), []).append(cell)
    figures = []
    for (dataset, model, kind), members in series.items():
        selection = next((s for s in SELECTIONS if any(c.ranked(s) for c in members)), None)
        if len(members) > 1 and selection is not None:
            ordered = sorted(members, key=lambda cell: cell.ratio or 0.0)
            figures.append(
                figure(
                    f"ratio-{dataset}-{model}-{kind}",
                    f"{dataset}, {model}, {kind} forgetting: metrics against the forget ratio. "
                    f"{selection.capitalize()} rows. Bars: one standard deviation. Dashed rule: "
                    "Retrain.",
                    _ratio_curve(ordered, selection),
                )
            )
    return tuple(figures)


def _ratio_curve(members: Sequence[Cell], selection: str) -> Spec:
    points: _Points = {
        metric: [
            {
                "row": row.title,
                "selection": selection,
                "at": cell.ratio,
                "value": percent(row, metric),
                **bar(row, metric),
            }
            for cell in members
            for row in cell.methods
            if row.selection == selection and metric in row.estimates
        ]
        for metric in TITLES
    }
    targets: _Points = {
        metric: [
            {"at": cell.ratio, "value": percent(cell.retrain, metric)}
            for cell in members
            if metric in cell.retrain.estimates and metric != "gap"
        ]
        for metric in TITLES
    }
    x: Spec = {"title": "Forget ratio", "axis": {"tickCount": 4, "format": "~%"}}
    return _panels(members, points, targets, x)


def _panels(cells: Sequence[Cell], points: _Points, targets: _Points, x: Spec) -> Spec:
    """One panel per metric that has points, side by side."""
    styles = row_styles(cells, (point["row"] for drawn in points.values() for point in drawn))
    shown = [metric for metric in points if points[metric]]
    panels = [
        _panel(points[metric], metric, styles, x, targets[metric], is_first=metric == shown[0])
        for metric in shown
    ]
    return {"hconcat": panels, "spacing": 22}


def _target(cell: Cell, metric: str) -> list[dict[str, Any]]:
    estimate = cell.retrain.estimates.get(metric)
    return [{"value": 100 * estimate.mean}] if estimate and metric != "gap" else []


def _panel(
    points: Sequence[dict[str, Any]],
    metric: str,
    styles: RowStyles,
    at: Spec,
    target: Sequence[dict[str, Any]],
    *,
    is_first: bool,
) -> Spec:
    """One metric: lines by row, bars of one standard deviation, and Retrain."""
    x: Spec = {"field": "at", "type": "quantitative", "scale": {"padding": 8}, **at}
    y: Spec = {
        "field": "value",
        "type": "quantitative",
        "title": TITLES[metric],
        "scale": {"zero": metric == "gap"},
    }
    shared: Spec = {
        "x": x,
        "color": {
            "field": "row",
            "type": "nominal",
            "title": None,
            "scale": styles.color,
            "legend": {"orient": "top", "columns": 6},
        },
        "detail": {"field": "selection"},
        "opacity": PICKED,
    }
    dash: Spec = {
        "field": "selection",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": ["tuned", "default"], "range": [[1, 0], [4, 3]]},
    }
    tooltip = [
        {"field": "row", "title": "Row"},
        {"field": "at", "title": at["title"]},
        {"field": "value", "title": TITLES[metric], "format": ".2f"},
    ]
    layers: list[Spec] = [
        {
            "params": [PICK] if is_first else [],
            "mark": {"type": "line", "strokeWidth": 1.8},
            "encoding": {**shared, "y": y, "strokeDash": dash},
        },
        {
            "mark": {"type": "rule"},
            "encoding": {
                **shared,
                "y": {"field": "low", "type": "quantitative"},
                "y2": {"field": "high"},
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 36},
            "encoding": {**shared, "y": y, "tooltip": tooltip},
        },
    ]
    if target:
        anchor: Spec = {"y": {"field": "value", "type": "quantitative"}}
        mark: Spec = RULE
        if "at" in target[0]:
            anchor["x"] = {"field": "at", "type": "quantitative"}
            mark = {**RULE, "type": "line"}
        layers.append({"data": values(target), "mark": mark, "encoding": anchor})
    return {"data": values(points), "layer": layers, "width": 170, "height": 170}
