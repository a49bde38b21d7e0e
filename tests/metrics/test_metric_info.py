"""What metrics say of themselves is made of known words."""

from typing import get_args

from mubench.metrics.info import METRICS
from mubench.metrics.metric_info import Aim, Unit


def test_every_aim_and_unit_is_one_that_reports_know():
    assert {info.aim for info in METRICS.values()} == set(get_args(Aim))
    assert {info.unit for info in METRICS.values()} <= set(get_args(Unit))
