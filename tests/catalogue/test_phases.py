"""Phases: nested ones do not count twice, and threads know nothing of each other."""

import threading
import time

import pytest

from mubench.catalogue import phases
from mubench.catalogue.phases import phase, seconds_by_phase


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves."""
    now = [100.0]
    monkeypatch.setattr(phases.time, "perf_counter", lambda: now[0])
    seconds_by_phase()

    def pass_(seconds):
        now[0] += seconds

    yield pass_
    monkeypatch.undo()
    seconds_by_phase()


def test_a_phase_within_another_counts_as_itself_alone(clock):
    clock(1)  # in no phase
    with phase("metrics"):
        clock(2)
        with phase("attack"):
            clock(4)
        clock(8)
    clock(16)
    with phase("attack"):
        clock(32)
    assert seconds_by_phase() == {"metrics": 10, "attack": 36}
    assert seconds_by_phase() == {}


def test_a_phase_ends_with_an_error_and_can_decorate(clock):
    @phase("store")
    def fail():
        clock(3)
        raise OSError("full")

    for _ in range(2):
        with pytest.raises(OSError, match="full"):
            fail()
    clock(5)
    assert seconds_by_phase() == {"store": 6}


def test_what_is_asked_for_within_a_phase_has_the_seconds_so_far(clock):
    with phase("training"):
        clock(1)
        assert seconds_by_phase() == {"training": 1}
        clock(2)
    assert seconds_by_phase() == {"training": 2}


def test_threads_have_phases_of_their_own():
    seconds_by_phase()
    found = []

    def other():
        with phase("data"):
            time.sleep(0.001)
        found.append(seconds_by_phase())

    with phase("store"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert found[0].keys() == {"data"}
    assert seconds_by_phase().keys() == {"store"}
