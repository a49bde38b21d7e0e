"""Where time went: phases of a kind add up to its seconds."""

import pytest

from mubench.report.analysis.times import OTHER, KindTimes, times_by_kind
from tests.support.report_world import record

TRAIN = record(kind="train", seconds=10.0, phases={"import": 2.0, "training": 7.0, "store": 0.5})
SEARCHES = [
    record(kind="search", seconds=3.0, phases={"unlearning": 1.0, "attack": 1.5}),
    record(kind="search", seconds=2.0, phases={"unlearning": 2.0}),
]


def test_seconds_of_a_kind_are_those_of_its_phases():
    train, search = times_by_kind([*SEARCHES, TRAIN])
    assert train == KindTimes(
        "train", 1, 12.0, {"import": 2.0, "training": 7.0, "store": 0.5, OTHER: 2.5}
    )
    assert search == KindTimes("search", 2, 5.0, {"unlearning": 3.0, "attack": 1.5, OTHER: 0.5})
    for one in (train, search):
        assert sum(one.phases.values()) == pytest.approx(one.seconds)


def test_records_without_phases_are_not_counted():
    assert times_by_kind([record(kind="train", seconds=5.0)]) == ()
    [search] = times_by_kind([*SEARCHES, record(kind="search", seconds=100.0)])
    assert (search.steps, search.seconds) == (2, 5.0)
