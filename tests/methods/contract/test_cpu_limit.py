"""A limit counts CPU time, not waiting, and nests."""

import time

import pytest

from mubench.methods.contract import cpu_limit
from mubench.methods.contract.cpu_limit import OutOfTime


@pytest.fixture(autouse=True)
def a_short_limit(monkeypatch):
    monkeypatch.setattr(cpu_limit, "SECONDS", 0.1)


def work(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_a_limit_counts_cpu_time_alone_and_ends_with_its_region():
    with cpu_limit.cpu_limit():
        time.sleep(0.2)
    work(0.2)
    with pytest.raises(OutOfTime, match=r"more than 0\.1 s of CPU time"), cpu_limit.cpu_limit():
        work(5)


def two_in_turn():
    with cpu_limit.cpu_limit():
        pass
    work(5)


def test_a_limit_waits_while_one_inside_of_it_counts():
    with cpu_limit.cpu_limit():
        for _ in range(4):
            with cpu_limit.cpu_limit():
                work(0.06)
    with pytest.raises(OutOfTime), cpu_limit.cpu_limit():
        two_in_turn()
