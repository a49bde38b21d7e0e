"""The progress of a search, and the importance of hyperparameters."""

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
    row_styles,
    values,
)


def tuning_curves(cell: Cell, studies: Sequence[Study]) -> Figure | None:
    """Draw the expected best objective of every study over its number of candidates."""
    points: list[dict[str, Any]] = [
        {"row": study.title, "candidate": number, "best": 100 * best}
        for study in studies
        for number, best in enumerate(study.expected_best, 1)
    ]
    if not points:
        return None
    styles = row_styles([cell], (point["row"] for point in points))
    legend = {"symbolType": "stroke", "symbolStrokeWidth": 2}
    last = max(point["candidate"] for point in points)
    x: Spec = {
        "field": "candidate",
        "type": "quantitative",
        "title": "Candidates",
        "axis": {"tickMinStep": 1, "format": "d"},
    }
    budgets = [{"candidate": n} for n in BUDGETS if n <= last]
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
            "mark": {"type": "line", "strokeWidth": 1.8},
            "encoding": {
                "x": x,
                "y": {
                    "field": "best",
                    "type": "quantitative",
                    "title": "Expected best objective (points)",
                },
                "color": {
                    "field": "row",
                    "type": "nominal",
                    "title": None,
                    "scale": styles.color,
                    "legend": legend,
                },
                "strokeDash": {
                    "field": "row",
                    "type": "nominal",
                    "title": None,
                    "scale": styles.dash,
                    "legend": legend,
                },
                "opacity": PICKED,
            },
        },
    ]
    return figure(
        "tuning",
        "Expected best objective of a search with so many candidates, on its first request and "
        "validation data; 1 is the defaults alone (Dodge et al. 2019). Rules: budgets of "
        f"{' and '.join(map(str, BUDGETS))} candidates.",
        {"layer": layers, "width": WIDTH, "height": HEIGHT},
    )


def importance_bars(cell: Cell, found: Mapping[str, Mapping[str, float]]) -> Figure | None:
    """Draw the share of each hyperparameter, by row."""
    bars: list[dict[str, Any]] = [
        {"row": title, "name": f"{title} · {name}", "share": share}
        for title, shares in ((cell.title_of(row), shares) for row, shares in found.items())
        for name, share in sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    if not bars:
        return None
    styles = row_styles([cell], (one["row"] for one in bars))
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
                "scale": styles.color,
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
        "Importance of hyperparameters: how much each decides whether a candidate is among the "
        "best of its search (PED-ANOVA, computed by Optuna; shares of one row sum to 1). With few "
        "candidates it is uncertain.",
        spec,
    )
