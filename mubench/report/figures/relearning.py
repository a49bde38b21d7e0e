"""How fast rows relearn D_f from D_r alone, beside Retrain."""

from statistics import fmean
from typing import Any

from mubench.metrics.weight_blocks import MOST_EPOCHS
from mubench.report.analysis.aggregate import Cell, Row, finite_values
from mubench.report.figures.figure import (
    HEIGHT,
    INK,
    PICK,
    PICKED,
    WIDTH,
    Figure,
    Spec,
    figure,
    row_styles,
    values,
)


def relearning_curves(cell: Cell) -> Figure | None:
    """Draw accuracy on D_f after each epoch on D_r; None where no row relearnt."""
    selection = cell.leading_selection
    rows = (cell.original, *(cell.ranked(selection) if selection else ()), *cell.controls)
    points = [point for row in rows for point in _curve(row)]
    target = _curve(cell.retrain)
    if not points or not target:
        return None
    styles = row_styles([cell], (point["row"] for point in points))
    epochs = max(point["epoch"] for point in target)
    x: Spec = {
        "field": "epoch",
        "type": "quantitative",
        "title": "Epochs on D_r",
        "axis": {"values": list(range(epochs + 1)), "format": "d"},
    }
    y: Spec = {"field": "value", "type": "quantitative", "title": "Accuracy on D_f (%)"}
    color: Spec = {"field": "row", "type": "nominal", "title": None, "scale": styles.color}
    tooltip = [
        {"field": "row", "title": "Row"},
        {"field": "epoch", "title": "Epochs on D_r"},
        {"field": "value", "title": "Accuracy on D_f (%)", "format": ".2f"},
    ]
    shared: Spec = {"x": x, "y": y, "color": color, "opacity": PICKED}
    dash: Spec = {"field": "row", "type": "nominal", "legend": None, "scale": styles.dash}
    spec: Spec = {
        "width": WIDTH,
        "height": HEIGHT,
        "layer": [
            {
                "data": values(points),
                "params": [PICK],
                "mark": {"type": "line", "strokeWidth": 1.8},
                "encoding": {**shared, "strokeDash": dash},
            },
            {
                "data": values(points),
                "mark": {"type": "point", "filled": True, "size": 36},
                "encoding": {**shared, "tooltip": tooltip},
            },
            {
                "data": values(target),
                "mark": {"type": "line", "color": INK, "strokeDash": [5, 4], "strokeWidth": 1.8},
                "encoding": {"x": x, "y": y},
            },
        ],
    }
    return figure(
        "relearning",
        "Accuracy on D_f while fine-tuning on D_r alone, means over requests. Dashed: Retrain. A "
        "row that rises above it still held what it was to forget.",
        spec,
    )


def _curve(row: Row) -> list[dict[str, Any]]:
    """Points of a row: before, and after each epoch that was recorded, on the same requests."""
    names = [f"relearn_retain_{epoch}" for epoch in range(1, MOST_EPOCHS + 1)]
    records = [record for record in row.scored if names[0] in record.metrics]
    held = [finite_values(records, name) for name in names]
    before = [1 - value for value in finite_values(records, "ua")]
    if not held[0] or not before:
        return []
    means = [fmean(found) for found in (before, *held) if found]
    return [
        {"row": row.title, "epoch": epoch, "value": 100 * mean} for epoch, mean in enumerate(means)
    ]
