"""A figure, and the common style of all figures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mubench.report.analysis.aggregate import Cell, Row
from mubench.report.analysis.format import method_title

Spec = dict[str, Any]
"""A Vega-Lite specification, or a part of one: what JSON can hold."""

INK, FAINT, BAND = "#222121", "#dedbd6", "#9b8f7a"
"""The page puts its theme's colours in the place of the first two."""
PALETTE = ("#4a82c9", "#d0604a", "#35996f", "#9a70b8", "#b8862b", "#4a9db5", "#c06a94", "#7f8d3d")
"""Mid tones that read on white and on near-black; a row has the same colour in every figure."""
SHAPES = (
    *("circle", "square", "triangle-up", "cross"),
    *("diamond", "triangle-right", "triangle-down", "triangle-left"),
)
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
"""Rows that share a colour differ in shape and dash: 64 shapes and 32 lines differ."""
WIDTH, HEIGHT = 330, 250
RULE: Spec = {"type": "rule", "color": INK, "strokeDash": [5, 4], "opacity": 0.7}
"""An anchor: Retrain, or the original."""
PICK: Spec = {
    "name": "pick",
    "select": {"type": "point", "fields": ["row"]},
    "bind": "legend",
}
"""A click on the legend highlights one row."""
PICKED: Spec = {"condition": {"param": "pick", "value": 1}, "value": 0.12}

_FONT = "ui-sans-serif, system-ui, Helvetica, Arial, sans-serif"
_CONFIG: Spec = {
    "background": "transparent",
    "font": _FONT,
    "aria": False,  # the figure's caption describes it; single marks need no text
    "padding": {"right": 40, "left": 5, "top": 5, "bottom": 5},
    "axis": {
        "labelColor": INK,
        "labelFontSize": 12,
        "titleColor": INK,
        "titleFontSize": 12,
        "titleFontWeight": 500,
        "gridColor": FAINT,
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
        "titlePadding": 8,
    },
    "axisX": {"grid": False, "labelOverlap": True, "labelSeparation": 8},
    "view": {"stroke": None},
    "legend": {
        "labelColor": INK,
        "labelFontSize": 12,
        "titleColor": INK,
        "titleFontSize": 12,
        "orient": "right",
        "rowPadding": 4,
        "labelLimit": 240,
    },
    "header": {
        "labelColor": INK,
        "labelFontSize": 12,
        "labelFontWeight": 500,
        "titleColor": INK,
    },
    "title": {"color": INK, "fontSize": 12, "fontWeight": 500},
}


@dataclass(frozen=True)
class Figure:
    """One figure: the end of its file name, what it shows, and its specification."""

    name: str
    caption: str
    spec: Spec


def figure(name: str, caption: str, spec: Spec) -> Figure:
    """Return a figure in the common style."""
    return Figure(name, caption, {**spec, "config": _CONFIG})


def values(rows: Sequence[Mapping[str, Any]]) -> Spec:
    """Return inline data."""
    return {"values": list(rows)}


def percent(row: Row, metric: str) -> float:
    """Return a row's mean in percent."""
    return 100 * row.estimates[metric].mean


def bar(row: Row, metric: str) -> dict[str, float]:
    """Return the ends of a bar of one standard deviation, in percent, not below zero."""
    estimate = row.estimates[metric]
    spread = estimate.spread or 0.0
    return {"low": 100 * max(0.0, estimate.mean - spread), "high": 100 * (estimate.mean + spread)}


@dataclass(frozen=True)
class RowStyles:
    """Scales of the rows shown, each row as it looks in the whole cell."""

    names: tuple[str, ...]
    places: tuple[int, ...]

    @property
    def color(self) -> Spec:
        """One colour per row."""
        return self._scale([PALETTE[k % len(PALETTE)] for k in self.places])

    @property
    def shape(self) -> Spec:
        """One shape per row."""
        n = len(PALETTE)
        return self._scale([SHAPES[(k + k // n) % len(SHAPES)] for k in self.places])

    @property
    def dash(self) -> Spec:
        """One dash per row."""
        return self._scale([DASHES[k // len(PALETTE) % len(DASHES)] for k in self.places])

    def _scale(self, values: Sequence[Any]) -> Spec:
        return {"domain": list(self.names), "range": list(values)}


def row_styles(cells: Iterable[Cell], shown: Iterable[str]) -> RowStyles:
    """Return the scales of the titles `shown`, by their place among all rows of `cells`."""
    names = tuple(dict.fromkeys(shown))
    rows = [row for cell in cells for row in cell.methods]
    titles = (*(row.title for row in rows), *(method_title(row.method) for row in rows), *names)
    distinct = list(dict.fromkeys(titles))
    return RowStyles(names, tuple(distinct.index(name) for name in names))
