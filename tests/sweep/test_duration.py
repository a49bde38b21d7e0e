"""Durations of a sweep file."""

from datetime import timedelta

import pytest

from mubench.sweep import load
from tests.support.refused_sweeps import assert_refused
from tests.support.small_sweep import SWEEP, changed


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("300s", 300),
        ("5m", 300),
        ("1.5 h", 5400),
        (90, 90),
        (0.5, 0.5),
        (0, 0),
        (False, 0),
        ("off", 0),
    ],
)
def test_a_duration_has_a_unit_or_is_in_seconds(written, seconds):
    spec = load.parse(changed(SWEEP, checkpoint=written), "x")
    assert spec.checkpoint == timedelta(seconds=seconds)


def test_checkpoints_are_five_minutes_apart_where_nothing_is_said():
    assert load.parse(SWEEP, "x").checkpoint == timedelta(minutes=5)


@pytest.mark.parametrize("written", [-1, True, "never", "5 d", "-5s", float("inf"), [], None])
def test_what_is_no_duration_is_refused(sweep, tmp_path, written):
    expected = f"checkpoint: 300s, 5m, 1h, a number of seconds or off is needed; got {written!r}"
    assert_refused(sweep, {"checkpoint": written}, expected, tmp_path)
