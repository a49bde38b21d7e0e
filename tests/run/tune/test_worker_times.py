"""Seconds of workers by what they did: every second of a worker once."""

import pytest

from mubench.run.tune.worker_times import WorkerTimes


@pytest.fixture
def world():
    now = [0.0]
    times = WorkerTimes(lambda: now[0])

    def at(second):
        now[0] = second
        return times

    return at


def test_every_second_of_a_worker_counts_once(world):
    world(0).begin("a", "starting")
    world(3).begin("a", "waiting")
    world(4).begin("a", "working")
    world(9).begin("a", "working")  # its next steps
    world(10).end("a")
    assert world(99).seconds == {"starting": 3, "waiting": 1, "working": 6}


def test_workers_add_up_and_those_that_are_there_count_until_now(world):
    world(0).begin("a", "working")
    world(1).begin("b", "starting")
    world(5).begin("b", "working")
    assert world(7).seconds == {"working": 9, "starting": 4}
    world(8).end("a")
    world(8).end("a")  # gone is gone
    world(8).end("never there")
    assert world(8).seconds == {"working": 11, "starting": 4}
