"""What a membership attack sees: confidence on forgotten and on unseen examples."""

from typing import Any

from mubench.report.analysis.aggregate import Cell
from mubench.report.figures.figure import PALETTE, Figure, Spec, figure, values
from mubench.store.examples import BINS, CellExamples, Confidences

_SIDES = {"forget": "forgotten", "holdout": "unseen"}
_COLORS = {"forgotten": PALETTE[1], "unseen": PALETTE[0]}


def confidence_histograms(cell: Cell, examples: CellExamples) -> Figure | None:
    """Draw, for each model, the histogram of forgotten examples over that of unseen ones."""
    bars = [bar for one in examples.confidences for bar in _bars(one, cell.title_of(one.row))]
    if not bars:
        return None
    step: Spec = {
        "data": values(bars),
        "facet": {
            "field": "model",
            "type": "nominal",
            "title": None,
            "sort": list(dict.fromkeys(bar["model"] for bar in bars)),
        },
        "columns": 5,
        "spec": {
            "mark": {"type": "area", "interpolate": "step", "opacity": 0.45, "line": True},
            "encoding": {
                "x": {
                    "field": "confidence",
                    "type": "quantitative",
                    "title": None,
                    "axis": {"values": [0, 0.5, 1]},
                    "scale": {"domain": [0, 1]},
                },
                "y": {
                    "field": "share",
                    "type": "quantitative",
                    "title": None,
                    "stack": None,
                    "axis": {"format": "%", "tickCount": 3},
                },
                "color": {
                    "field": "side",
                    "type": "nominal",
                    "title": None,
                    "scale": {"domain": list(_COLORS), "range": list(_COLORS.values())},
                    "legend": {"orient": "top"},
                },
            },
            "width": 150,
            "height": 90,
        },
    }
    return figure(
        "confidence",
        f"What a membership attack sees, request {examples.request}: histograms of the confidence "
        "in the true class, for forgotten examples and for unseen ones like them. Retrain is the "
        "target; where the two differ as in Original, the examples are still remembered.",
        step,
    )


def _bars(one: Confidences, row: str) -> list[dict[str, Any]]:
    title = row + (f" ({one.selection})" if one.selection == "default" else "")
    counts = {"forget": one.forget, "holdout": one.holdout}
    return [
        {
            "model": title,
            "side": _SIDES[side],
            "confidence": (k + 0.5) / BINS,
            "share": round(count / total, 4),
        }
        for side, bins in counts.items()
        if (total := sum(bins))
        for k, count in enumerate(bins)
    ]
