"""Drawings in the leaderboard's tables stand where their numbers say."""

import re

from mubench.leaderboard.inline_svg import HEIGHT, WIDTH, Scale, interval
from mubench.leaderboard.ranking import BootstrapInterval


def numbers(svg, name):
    return [float(value) for value in re.findall(rf'{name}="([0-9.]+)"', svg)]


def test_a_scale_runs_from_zero_to_the_largest_and_clips():
    scale = Scale([0.1, 0.4])
    left, middle, right = (float(scale(value)) for value in (0.0, 0.2, 0.4))
    assert 0 < left < middle < right < WIDTH
    assert middle == (left + right) / 2
    assert (float(scale(-1.0)), float(scale(9.0))) == (left, right)


def test_a_scale_of_nothing_divides_by_nothing():
    assert Scale([])(0.0) == Scale([0.0])(0.0)


def test_an_interval_shows_its_mean_its_ends_and_where_the_original_lies():
    scale = Scale([0.4])
    svg = str(interval(BootstrapInterval(0.2, 0.1, 0.3), scale, 0.4))
    assert numbers(svg, "cx") == [float(scale(0.2))]
    assert numbers(svg, "x1") == [float(scale(0.4)), float(scale(0.1))]
    assert numbers(svg, "x2") == [float(scale(0.4)), float(scale(0.3))]
    assert max(numbers(svg, "y2")) <= HEIGHT
    assert "original" not in interval(BootstrapInterval(0.2, 0.1, 0.3), scale, None)
