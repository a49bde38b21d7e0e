"""Figures as SVG: gap against cost, the smoothing-rate curve, and the tuning curves.

Every figure is a small SVG without scripts. Ink is drawn in `INK` and `FAINT`, so that a page can
put its theme's colours in their place.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mubench.report.aggregate import Cell, Row
from mubench.report.tuning import Study
from mubench.report.words import row_title

INK, FAINT, BAND = "#222121", "#dedbd6", "#9b8f7a"
PALETTE = ("#4a82c9", "#d0604a", "#35996f", "#9a70b8", "#b8862b", "#4a9db5", "#c06a94", "#7f8d3d")
"""Mid tones that read on white and on near-black; a row has the same colour in every figure."""
SHAPES = (
    *("circle", "square", "triangle-up", "cross"),
    *("diamond", "triangle-right", "triangle-down", "triangle-left"),
)
DASHES = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3])
"""Rows that share a colour differ in shape and dash: 64 shapes and 32 lines can be told apart."""
WIDTH, HEIGHT = 350, 260
CURVES = {"ua": "UA (%)", "ra": "RA (%)", "ta": "TA (%)", "gap": "Avg. Gap (points)"}


@dataclass(frozen=True)
class Figure:
    """One figure: the end of its file name, what it shows, and its SVG."""

    name: str
    caption: str
    svg: str


def figures(cell: Cell, studies: Sequence[Study]) -> tuple[Figure, ...]:
    """Draw the figures that the cell has numbers for."""
    drawn = [_gap_against_cost(cell), _tuning_curves(cell, studies), _smoothing_curve(cell)]
    return tuple(figure for figure in drawn if figure)


def smoothing_rows(cell: Cell) -> tuple[tuple[Row, float], ...]:
    """Return the rows whose smoothing rate is a grid value, each with its rate."""
    found = [(row, _smoothing_rate(row)) for row in cell.methods]
    return tuple((row, rate) for row, rate in found if rate is not None)


def _smoothing_rate(row: Row) -> float | None:
    if "[" not in row.label or "alpha=" not in row.label or not row.scored:
        return None
    rate = row.scored[0].params.get("alpha")
    return float(rate) if isinstance(rate, int | float) else None


def _gap_against_cost(cell: Cell) -> Figure | None:
    held = [row for row in cell.methods if {"gap", "rte_seconds"} <= row.estimates.keys()]
    values = [_cost_point(row) for row in held if row.estimates["rte_seconds"].mean > 0]
    if not values:
        return None
    import altair as alt

    looks = _looks(cell, (value["row"] for value in values))
    data = _chart(values).encode(
        x=alt.X("cost:Q", title="RTE (s)", scale=alt.Scale(type="log", padding=16)),
        y=alt.Y("gap:Q", title="Avg. Gap (points)"),
        color=alt.Color("row:N", title=None, scale=looks.color),
    )
    bars = data.mark_rule(strokeWidth=1.2).encode(y="low:Q", y2="high:Q")
    dots = data.mark_point(size=64, strokeWidth=1.5).encode(
        shape=alt.Shape("row:N", title=None, scale=looks.shape),
        fill=alt.Fill("row:N", title=None, scale=looks.color),
        fillOpacity=alt.FillOpacity("solid:Q", scale=None),
    )
    return Figure(
        "gap-cost",
        "Avg. Gap against run time. Bars: one standard deviation. Filled: tuned; hollow: defaults. "
        "Shaded: 95 % of Retrain pairs differ by less. Dashed: the cost of Retrain, and the gap of "
        "doing nothing.",
        _svg(alt.layer(*_anchors(cell), bars, dots).properties(width=WIDTH, height=HEIGHT)),
    )


def _cost_point(row: Row) -> dict[str, Any]:
    return {
        "row": row_title(row.label),
        "cost": row.estimates["rte_seconds"].mean,
        "gap": 100 * row.estimates["gap"].mean,
        **_bar(row, "gap"),
        "solid": float(row.selection == "tuned"),
    }


def _bar(row: Row, metric: str) -> dict[str, float]:
    held = row.estimates[metric]
    spread = held.spread or 0.0
    return {"low": 100 * max(0.0, held.mean - spread), "high": 100 * (held.mean + spread)}


def _anchors(cell: Cell) -> list[Any]:
    """Draw the noise floor, what Retrain costs, and the gap of the original."""
    cost, idle = cell.retrain.estimates.get("rte_seconds"), cell.original.estimates.get("gap")
    rule = {"color": INK, "strokeDash": [5, 4], "opacity": 0.7}
    word = {"color": INK, "fontSize": 12, "fontStyle": "italic", "align": "left"}
    layers = []
    if cell.floor:
        band = _chart([{"low": 0, "high": 100 * cell.floor.percentile_95["gap"]}])
        layers.append(band.mark_rect(color=BAND, opacity=0.25).encode(y="low:Q", y2="high:Q"))
    if cost and cost.mean > 0:
        data = _chart([{"cost": cost.mean}]).encode(x="cost:Q")
        layers += [
            data.mark_rule(**rule),
            data.mark_text(**word, dx=5, y=HEIGHT - 10, text="Retrain"),
        ]
    if idle:
        data = _chart([{"gap": 100 * idle.mean}]).encode(y="gap:Q")
        layers += [data.mark_rule(**rule), data.mark_text(**word, dy=-7, x=4, text="Original")]
    return layers


def _tuning_curves(cell: Cell, studies: Sequence[Study]) -> Figure | None:
    values: list[dict[str, Any]] = [
        {"row": row_title(study.row), "candidate": number, "best": 100 * best}
        for study in studies
        for number, best in study.best_so_far
    ]
    if not values:
        return None
    import altair as alt

    looks = _looks(cell, (value["row"] for value in values))
    legend = alt.Legend(symbolType="stroke", symbolStrokeWidth=2)
    data = _chart(values).encode(
        x=alt.X("candidate:Q", title="Candidate", axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y("best:Q", title="Best objective so far (points)"),
        color=alt.Color("row:N", title=None, scale=looks.color, legend=legend),
        strokeDash=alt.StrokeDash("row:N", title=None, scale=looks.dash, legend=legend),
    )
    chart = data.mark_line(interpolate="step-after", strokeWidth=1.8, opacity=0.9)
    return Figure(
        "tuning",
        "What the search found, on search requests and validation data; candidate 0: the defaults.",
        _svg(chart.properties(width=WIDTH, height=HEIGHT)),
    )


def _smoothing_curve(cell: Cell) -> Figure | None:
    found = smoothing_rows(cell)
    if len({rate for _, rate in found}) < 2:
        return None
    import altair as alt

    panels = [_smoothing_panel(cell, found, metric) for metric in CURVES]
    return Figure(
        "smoothing-rate",
        "Against the smoothing rate α. Bars: one standard deviation. Solid: tuned; broken: "
        "defaults. Dashed rule: Retrain.",
        _svg(alt.hconcat(*panels, spacing=22)),
    )


def _smoothing_panel(cell: Cell, found: Sequence[tuple[Row, float]], metric: str) -> Any:
    import altair as alt

    values: list[dict[str, Any]] = [
        {
            "row": row_title(row.method),
            "selection": row.selection,
            "alpha": rate,
            "value": 100 * row.estimates[metric].mean,
            **_bar(row, metric),
        }
        for row, rate in found
        if metric in row.estimates
    ]
    looks = _looks(cell, (value["row"] for value in values))
    dashes = alt.Scale(domain=["tuned", "default"], range=[[1, 0], [4, 3]])
    data = _chart(values).encode(
        x=alt.X("alpha:Q", title="α", scale=alt.Scale(padding=8), axis=alt.Axis(tickCount=4)),
        y=alt.Y("value:Q", title=CURVES[metric], scale=alt.Scale(zero=metric == "gap")),
        color=alt.Color("row:N", title=None, scale=looks.color),
        detail="selection:N",
    )
    layers = [
        data.mark_line(strokeWidth=1.8).encode(
            strokeDash=alt.StrokeDash("selection:N", legend=None, scale=dashes)
        ),
        data.mark_point(filled=True, size=36).encode(),
        data.mark_rule(opacity=0.6).encode(y="low:Q", y2="high:Q"),
    ]
    anchor = cell.retrain.estimates.get(metric)
    if anchor and metric != "gap":
        rule = _chart([{"value": 100 * anchor.mean}])
        layers.append(rule.mark_rule(color=INK, strokeDash=[5, 4]).encode(y="value:Q"))
    return alt.layer(*layers).properties(width=180, height=170)


def _chart(values: Sequence[Mapping[str, Any]]) -> Any:
    import altair as alt  # half a second: only who draws pays it

    return alt.Chart(alt.InlineData(values=list(values)))


class _Looks(NamedTuple):
    """Scales of the rows shown."""

    color: Any
    shape: Any
    dash: Any


def _looks(cell: Cell, names: Iterable[str]) -> _Looks:
    """How the rows shown look, each as in the whole cell."""
    import altair as alt

    rows = dict.fromkeys(row_title(row.label) for row in cell.methods)
    every = [*dict.fromkeys([*rows, *(row_title(row.method) for row in cell.methods)])]
    shown = [*dict.fromkeys(names)]
    places = [every.index(name) for name in shown]

    def scale(values: Sequence[Any]) -> Any:
        return alt.Scale(domain=shown, range=values)

    n = len(PALETTE)
    return _Looks(
        color=scale([PALETTE[k % n] for k in places]),
        shape=scale([SHAPES[(k + k // n) % len(SHAPES)] for k in places]),
        dash=scale([DASHES[k // n % len(DASHES)] for k in places]),
    )


def _svg(chart: Any) -> str:
    out = io.StringIO()
    font = "ui-sans-serif, system-ui, Helvetica, Arial, sans-serif"
    text = {"labelColor": INK, "labelFont": font, "labelFontSize": 12}
    title = {"titleColor": INK, "titleFont": font, "titleFontSize": 12, "titleFontWeight": 500}
    chart.configure(
        background="transparent",
        font=font,
        aria=False,
        padding={"right": 40, "left": 5, "top": 5, "bottom": 5},
    ).configure_axis(
        **text, **title, gridColor=FAINT, domain=False, ticks=False, labelPadding=6, titlePadding=8
    ).configure_axisX(grid=False, labelOverlap=True, labelSeparation=8).configure_view(
        stroke=None
    ).configure_legend(**text, orient="right", rowPadding=4, labelLimit=240).save(out, format="svg")
    return out.getvalue()
