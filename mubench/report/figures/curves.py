"""Metrics against the smoothing rate and against the forget ratio."""

from collections.abc import Sequence
from typing import Any

from mubench.report.analysis.aggregate import SELECTIONS, Cell, Row
from mubench.report.figures.figure import (
    PICK,
    PICKED,
    RULE,
    Figure,
    Looks,
    Spec,
    bar,
    figure,
    looks,
    percent,
    values,
)
from mubench.report.format import row_title

TITLES = {
    "ua": "UA (%)",
    "mia_svc": "MIA (%)",
    "ra": "RA (%)",
    "ta": "TA (%)",
    "gap": "Avg. Gap (points)",
}
_SMOOTHING = ("ua", "ra", "ta", "gap")


def smoothing_rows(cell: Cell) -> tuple[tuple[Row, float], ...]:
    """Return the rows whose smoothing rate is a grid value, each with its rate."""
    found = [(row, _smoothing_rate(row)) for row in cell.methods]
    return tuple((row, rate) for row, rate in found if rate is not None)


def _smoothing_rate(row: Row) -> float | None:
    if "[" not in row.label or "alpha=" not in row.label or not row.scored:
        return None
    rate = row.scored[0].params.get("alpha")
    return float(rate) if isinstance(rate, int | float) else None


def _series(row: Row) -> str:
    """Name the curve of a row: its label without the smoothing rate."""
    method, _, inner = row.label.rstrip("]").partition("[")
    others = [part for part in inner.split(",") if not part.startswith("alpha=")]
    return row_title(f"{method}[{','.join(others)}]" if others else method)


def smoothing_curve(cell: Cell) -> Figure | None:
    """Draw UA, RA, TA and Avg. Gap against the smoothing rate of grid rows."""
    found = smoothing_rows(cell)
    if len({rate for _, rate in found}) < 2:
        return None
    points: dict[str, list[dict[str, Any]]] = {
        metric: [
            {
                "row": _series(row),
                "selection": row.selection,
                "at": rate,
                "value": percent(row, metric),
                **bar(row, metric),
            }
            for row, rate in found
            if metric in row.estimates
        ]
        for metric in _SMOOTHING
    }
    scales = looks([cell], (point["row"] for held in points.values() for point in held))
    panels = [
        _panel(
            points[metric],
            metric,
            scales,
            {"title": "α", "axis": {"tickCount": 4}},
            _target(cell, metric),
            is_first=metric == _SMOOTHING[0],
        )
        for metric in _SMOOTHING
    ]
    return figure(
        "smoothing-rate",
        "Against the smoothing rate α. Bars: one standard deviation. Solid: tuned; broken: "
        "defaults. Dashed rule: Retrain.",
        {"hconcat": panels, "spacing": 22},
    )


def ratio_curves(cells: Sequence[Cell]) -> tuple[Figure, ...]:
    """Draw each metric against the forget ratio, for cells that differ in nothing else."""
    series: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        if cell.ratio is not None and not cell.is_empty:
            series.setdefault((cell.dataset, cell.model, cell.kind), []).append(cell)
    found = []
    for (dataset, model, kind), members in series.items():
        drawn = _ratio_curve(sorted(members, key=lambda cell: cell.ratio or 0.0), kind)
        if drawn is not None:
            found.append(
                figure(
                    f"ratio-{dataset}-{model}-{kind}",
                    f"{dataset}, {model}, {kind} forgetting: against the forget ratio. "
                    f"{drawn[1]} rows. Bars: one standard deviation. Dashed: Retrain.",
                    drawn[0],
                )
            )
    return tuple(found)


def _ratio_curve(members: Sequence[Cell], kind: str) -> tuple[Spec, str] | None:
    del kind
    selection = next((s for s in SELECTIONS if any(c.ranked(s) for c in members)), None)
    if len(members) < 2 or selection is None:
        return None
    points: dict[str, list[dict[str, Any]]] = {
        metric: [
            {
                "row": row_title(row.label),
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
    targets = {
        metric: [
            {"at": cell.ratio, "value": percent(cell.retrain, metric)}
            for cell in members
            if metric in cell.retrain.estimates and metric != "gap"
        ]
        for metric in TITLES
    }
    scales = looks(members, (point["row"] for held in points.values() for point in held))
    x: Spec = {"title": "Forget ratio", "axis": {"tickCount": 4, "format": "~%"}}
    shown = [metric for metric in TITLES if points[metric]]
    panels = [
        _panel(points[metric], metric, scales, x, targets[metric], is_first=metric == shown[0])
        for metric in shown
    ]
    return {"hconcat": panels, "spacing": 22}, selection.capitalize()


def _target(cell: Cell, metric: str) -> list[dict[str, Any]]:
    held = cell.retrain.estimates.get(metric)
    return [{"value": 100 * held.mean}] if held and metric != "gap" else []


def _panel(
    points: Sequence[dict[str, Any]],
    metric: str,
    scales: Looks,
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
            "scale": scales.color,
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
