"""Average ranks over cells with their critical difference."""

from mubench.report.analysis.ranks import Ranks
from mubench.report.figures.figure import PALETTE, WIDTH, Figure, Spec, figure, values


def critical_difference(ranks: Ranks) -> Figure:
    """Draw ranks with bars of half a critical difference; rows whose bars do not meet differ."""
    half = ranks.critical_difference / 2
    points = [
        {
            "row": row.title,
            "rank": row.rank,
            "low": row.rank - half,
            "high": row.rank + half,
            "gap": 100 * row.gap,
        }
        for row in ranks.rows
    ]
    y: Spec = {"field": "row", "type": "nominal", "sort": None, "title": None}
    title = "Average rank in Avg. Gap (1: closest to Retrain)"
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 2, "color": PALETTE[0], "opacity": 0.55},
            "encoding": {
                "y": y,
                "x": {
                    "field": "low",
                    "type": "quantitative",
                    "title": title,
                    "axis": {"grid": True},
                    "scale": {"zero": False},
                },
                "x2": {"field": "high"},
            },
        },
        {
            "mark": {
                "type": "point",
                "filled": True,
                "size": 70,
                "color": PALETTE[0],
                "opacity": 1,
            },
            "encoding": {
                "y": y,
                "x": {"field": "rank", "type": "quantitative"},
                "tooltip": [
                    {"field": "row", "title": "Row"},
                    {"field": "rank", "title": "Average rank", "format": ".2f"},
                    {"field": "gap", "title": "Mean Avg. Gap", "format": ".2f"},
                ],
            },
        },
    ]
    return figure(
        "ranks",
        "Average ranks over cells. Bars: half a critical difference to each side (Nemenyi, 5 %). "
        "Two rows differ significantly where their bars do not meet.",
        {"data": values(points), "layer": layers, "width": WIDTH, "height": {"step": 26}},
    )
