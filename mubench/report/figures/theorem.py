"""Theorem 2 of UGradSL: the improvement that it predicts, against the one that was measured."""

from collections.abc import Sequence
from typing import Any

from mubench.catalogue import cards
from mubench.report.analysis.aggregate import Cell, Row
from mubench.report.figures.figure import (
    HEIGHT,
    INK,
    PALETTE,
    RULE,
    WIDTH,
    Figure,
    Spec,
    figure,
    values,
)

_SMOOTHED = "ugradsl"
"""Plain ascent is the method that it builds on."""


def predicted_improvements(cells: Sequence[Cell]) -> Figure | None:
    """Draw each request that has both numbers; None where there is none."""
    points = [point for cell in cells for point in _points(cell)]
    if not points:
        return None
    names = list(dict.fromkeys(point["cell"] for point in points))
    axis = {"format": "~%"}
    encoding: Spec = {
        "x": {
            "field": "predicted",
            "type": "quantitative",
            "title": "Predicted improvement",
            "axis": axis,
        },
        "y": {
            "field": "measured",
            "type": "quantitative",
            "title": "Measured improvement of Avg. Gap",
            "axis": axis,
        },
        "color": {
            "field": "cell",
            "type": "nominal",
            "title": None,
            "scale": {"domain": names, "range": [PALETTE[k % 8] for k in range(len(names))]},
        },
        "shape": {
            "field": "sign",
            "type": "nominal",
            "title": "Theorem 2 cosine",
            "scale": {"domain": ["below 0", "above 0"], "range": ["circle", "triangle-up"]},
        },
        "tooltip": [
            {"field": "request", "title": "Request"},
            {"field": "cosine", "title": "Theorem 2 cosine", "format": ".3f"},
            {"field": "predicted", "title": "Predicted", "format": ".1%"},
            {"field": "measured", "title": "Measured", "format": ".1%"},
        ],
    }
    zero: Spec = {"y": {"field": "zero", "type": "quantitative"}}
    layers: list[Spec] = [
        {"data": values([{"zero": 0}]), "mark": {**RULE, "color": INK}, "encoding": zero},
        {
            "data": values(points),
            "mark": {"type": "point", "filled": True, "size": 48},
            "encoding": encoding,
        },
    ]
    return figure(
        "theorem2",
        "What Theorem 2 predicts that negative smoothing saves of plain ascent's distance to "
        "Retrain in the weights, against what UGradSL saved of GA's Avg. Gap on the same "
        "request, both tuned where they are. Below the dashed rule smoothing made it worse. A "
        "cosine above 0 means that no negative rate helps.",
        {"layer": layers, "width": WIDTH, "height": HEIGHT},
    )


def _points(cell: Cell) -> list[dict[str, Any]]:
    card = cards.find_method(_SMOOTHED)
    smoothed, plain = (_gaps(cell, name) for name in (_SMOOTHED, card.builds_on if card else ""))
    return [
        {
            "cell": cell.name,
            "request": record.request,
            "cosine": record.metrics["theorem2_cosine"],
            "sign": "below 0" if record.metrics["theorem2_cosine"] < 0 else "above 0",
            "predicted": record.metrics["theorem2_improvement"],
            "measured": 1 - smoothed[record.request] / plain[record.request],
        }
        for record in cell.original.scored
        if "theorem2_improvement" in record.metrics
        and record.request in smoothed
        and plain.get(record.request)
    ]


def _gaps(cell: Cell, label: str) -> dict[str, float]:
    """Avg. Gap of a row's leading selection by request."""
    rows: list[Row] = [row for row in cell.methods if row.label == label]
    scored = rows[0].scored if rows else ()
    return {r.request: r.metrics["gap"] for r in scored if "gap" in r.metrics}
