"""The figure of average ranks: its bars in numbers, and as they are drawn."""

import re

import pytest

from mubench.report.analysis.ranks import Ranked, Ranks
from mubench.report.figures.ranking import critical_difference
from mubench.report.figures.render import draw
from tests.support.figures import data_of

ROWS = (Ranked("GA", 1.25, 0.1), Ranked("IU", 2.0, 0.15), Ranked("FT", 2.75, 0.2))
FIGURE = critical_difference(Ranks("tuned", ROWS, 4, (), 0.1, critical_difference=1.2))


def test_bars_reach_half_the_critical_difference_to_each_side():
    """0.6 to each side of the rank; the gap in percentage points."""
    assert data_of(FIGURE.spec["data"]) == [
        {
            "row": title,
            "rank": pytest.approx(rank),
            "low": pytest.approx(low),
            "high": pytest.approx(high),
            "gap": pytest.approx(gap),
        }
        for title, rank, low, high, gap in (
            ("GA", 1.25, 0.65, 1.85, 10.0),
            ("IU", 2.0, 1.4, 2.6, 15.0),
            ("FT", 2.75, 2.15, 3.35, 20.0),
        )
    ]


def test_points_and_bars_are_drawn_where_the_axis_says_best_row_on_top():
    svg = draw({"ranks": FIGURE})["ranks.svg"].decode()
    labels = re.findall(r'translate\(([\d.]+),15\)"[^>]*>([\d.]+)</text>', svg)
    at = {float(label): float(x) for x, label in labels}
    per_rank = (at[3.0] - at[1.0]) / 2

    def ranks_of(*pixels):
        return [pytest.approx(1 + (float(x) - at[1.0]) / per_rank) for x in pixels]

    bars = re.findall(r'<line transform="translate\(([\d.]+),([\d.]+)\)" x2="([\d.]+)"', svg)
    drawn = [bar for bar in bars if float(bar[2]) > 0]
    ends = [ranks_of(low, float(low) + float(length)) for low, _, length in drawn]
    assert ends == [[0.65, 1.85], [1.4, 2.6], [2.15, 3.35]]
    points = re.findall(r'<path transform="translate\(([\d.]+),([\d.]+)\)" d="M\d', svg)
    assert ranks_of(*(x for x, _ in points)) == [1.25, 2.0, 2.75]
    heights = [float(y) for _, y in points]
    assert heights == [float(y) for _, y, _ in drawn] == sorted(heights)
    titles = re.findall(r'text-anchor="end"[^>]*>([A-Z]+)</text>', svg)
    assert titles == ["GA", "IU", "FT"]


def test_the_caption_says_how_to_read_the_bars():
    assert FIGURE.name == "ranks"
    assert "Bars: half a critical difference to each side (Nemenyi, 5 %)." in FIGURE.caption
