"""What a search found, and which hyperparameters mattered."""

from collections.abc import Mapping, Sequence
from typing import Any

from mubench.report.analysis.aggregate import Cell
from mubench.report.analysis.tuning import BUDGETS, Study
from mubench.report.figures.figure import (
    FAINT,
    HEIGHT,
    PICK,
    PICKED,
    WIDTH,
    Figure,
    Spec,
    figure,
    looks,
    values,
)
from mubench.report.format import row_title


def tuning_curves(cell: Cell, studies: Sequence[Study]) -> Figure | None:
    """Draw the best objective so far of every study."""
    points: list[dict[str, Any]] = [
        {"row": row_title(study.row), "candidate": number, "best": 100 * best}
        for study in studies
        for number, best in study.best_so_far
    ]
    if not points:
        return None
    scales = looks([cell], (point["row"] for point in points))
    legend = {"symbolType": "stroke", "symbolStrokeWidth": 2}
    last = max(point["candidate"] for point in points)
    x: Spec = {
        "field": "candidate",
        "type": "quantitative",
        "title": "Candidate",
        "axis": {"tickMinStep": 1, "format": "d"},
    }
    budgets = [{"candidate": n - 1} for n in BUDGETS if n - 1 <= last]
    rules: Spec = {
        "data": values(budgets),
        "mark": {"type": "rule", "color": FAINT},
        "encoding": {"x": x},
    }
    layers: list[Spec] = [
        *([rules] if budgets else []),
        {
            "data": values(points),
            "params": [PICK],
            "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1.8},
            "encoding": {
                "x": x,
                "y": {
                    "field": "best",
                    "type": "quantitative",
                    "title": "Best objective so far (points)",
                },
                "color": {
                    "field": "row",
                    "type": "nominal",
                    "title": None,
                    "scale": scales.color,
                    "legend": legend,
                },
                "strokeDash": {
                    "field": "row",
                    "type": "nominal",
                    "title": None,
                    "scale": scales.dash,
                    "legend": legend,
                },
                "opacity": PICKED,
            },
        },
    ]
    return figure(
        "tuning",
        "What the search found, on search requests and validation data; candidate 0: the "
        f"defaults. Rules: budgets of {' and '.join(map(str, BUDGETS))} candidates.",
        {"layer": layers, "width": WIDTH, "height": HEIGHT},
    )


def importance_bars(cell: Cell, found: Mapping[str, Mapping[str, float]]) -> Figure | None:
    """Draw the share of each hyperparameter, by row."""
    bars: list[dict[str, Any]] = [
        {"row": row_title(row), "name": f"{row_title(row)} · {name}", "share": share}
        for row, shares in found.items()
        for name, share in sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    if not bars:
        return None
    scales = looks([cell], (one["row"] for one in bars))
    spec: Spec = {
        "data": values(bars),
        "mark": {"type": "bar", "height": {"band": 0.7}},
        "encoding": {
            "x": {
                "field": "share",
                "type": "quantitative",
                "title": "Share of importance",
                "axis": {"format": "%", "tickCount": 4, "grid": True},
                "scale": {"domain": [0, 1]},
            },
            "y": {
                "field": "name",
                "type": "nominal",
                "title": None,
                "sort": None,
                "axis": {"labelLimit": 260},
            },
            "color": {
                "field": "row",
                "type": "nominal",
                "legend": None,
                "scale": scales.color,
            },
            "tooltip": [
                {"field": "name", "title": "Hyperparameter"},
                {"field": "share", "title": "Share", "format": ".0%"},
            ],
        },
        "width": WIDTH,
        "height": {"step": 20},
    }
    return figure(
        "importance",
        "Which hyperparameters decide whether a candidate is among the best of its search "
        "(PED-ANOVA, as Optuna computes it; shares of one row sum to 1). A few candidates are "
        "little evidence.",
        spec,
    )
