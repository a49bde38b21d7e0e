"""Small drawings inside tables, beside the same numbers as text."""

from collections.abc import Iterable

from markupsafe import Markup

from mubench.leaderboard.board import BoardCell, BoardEntry
from mubench.leaderboard.ranking import BootstrapInterval, Ranking
from mubench.report.analysis.noise import Floor

WIDTH, HEIGHT = 120, 18
_EDGE = 5


class Scale:
    """Fractions from 0 to the largest of a table, on the width of a drawing."""

    def __init__(self, values: Iterable[float]) -> None:
        self._largest = max(values, default=0.0) or 1.0

    def __call__(self, value: float) -> str:
        """Return the place of a value in pixels."""
        inside = min(max(value / self._largest, 0.0), 1.0)
        return f"{_EDGE + inside * (WIDTH - 2 * _EDGE):.1f}"


def interval(mean: BootstrapInterval, scale: Scale, original: float | None) -> Markup:
    """Draw a mean with its interval, and the original's gap."""
    middle = HEIGHT / 2
    mark = "" if original is None else _line("original", scale(original), 1, HEIGHT - 1)
    x, low, high = scale(mean.value), scale(mean.low), scale(mean.high)
    bar = f'<line class="range" x1="{low}" x2="{high}" y1="{middle}" y2="{middle}"/>'
    return _svg(f'{mark}{bar}<circle class="mean" cx="{x}" cy="{middle}" r="3.5"/>')


def requests(entry: BoardEntry, scale: Scale, noise: Floor | None) -> Markup:
    """Draw the gap of each request of a row, above the band that the noise floor covers."""
    band = ""
    if noise is not None:
        width = float(scale(noise.percentile_95["gap"])) - _EDGE
        band = f'<rect class="floor" x="{_EDGE}" y="1" width="{width:.1f}" height="{HEIGHT - 2}"/>'
    ticks = (_line("tick", scale(gap), 4, HEIGHT - 4) for gap in sorted(entry.gaps.values()))
    return _svg(band + "".join(ticks))


def scale_of(of: Ranking | BoardCell) -> Scale:
    """Return the scale that all drawings of a table share."""
    if isinstance(of, Ranking):
        return Scale(row.gap.high for row in of.rows)
    return Scale(gap for entry in of.rows for gap in entry.gaps.values())


def _line(name: str, x: str, top: float, bottom: float) -> str:
    return f'<line class="{name}" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'


def _svg(inner: str) -> Markup:
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    # It contains numbers only, no text of a row.
    return Markup(f'<svg class="drawing" {size} aria-hidden="true">{inner}</svg>')
