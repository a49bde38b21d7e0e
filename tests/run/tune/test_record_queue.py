"""Records are stored in order, together where they can be, and an error is told."""

import threading
import time
from types import SimpleNamespace

import pytest

from mubench.run.tune.record_queue import RecordQueue


def records(*names):
    return [SimpleNamespace(id=name) for name in names]


def test_what_arrives_while_the_disk_is_busy_is_written_together_and_in_order():
    written, told, is_busy, go_on = [], [], threading.Event(), threading.Event()

    def store(arrived):
        is_busy.set()
        assert go_on.wait(20)
        written.append([record.id for record in arrived])

    with RecordQueue(store, told.append) as queue:
        queue.put(records("a"))
        assert is_busy.wait(20)
        queue.put(records("b", "c"))
        queue.put(records("d"))
        assert not written
        assert not told
        go_on.set()
    assert written == [["a"], ["b", "c", "d"]]
    assert [record.id for record in told] == ["a", "b", "c", "d"]


def test_what_is_stored_is_told_to_who_looks_in_its_own_thread():
    told, threads = [], []

    def tell(record):
        told.append(record.id)
        threads.append(threading.current_thread())

    with RecordQueue(lambda arrived: None, tell) as queue:
        queue.put(records("a"))
        deadline = time.monotonic() + 20
        while not told and time.monotonic() < deadline:
            queue.look()
        assert told == ["a"]
        queue.put(records("b"))
    assert told == ["a", "b"]
    assert set(threads) == {threading.current_thread()}


def test_an_error_is_raised_at_the_next_record_and_nothing_more_is_written():
    tried, told = [], []

    def store(arrived):
        tried.append([record.id for record in arrived])
        raise OSError("no space")

    queue = RecordQueue(store, told.append)
    queue._thread.start()
    queue.put(records("a"))
    queue._thread.join(20)
    with pytest.raises(OSError, match="no space"):
        queue.put(records("b"))
    assert tried == [["a"]]
    assert not told


def test_an_error_of_the_last_record_is_raised_at_the_end():
    told = []

    def store(arrived):
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"), RecordQueue(store, told.append) as queue:
        queue.put(records("a"))


def test_another_error_is_not_replaced():
    told = []

    def store(arrived):
        raise OSError("no space")

    def interrupted():
        with RecordQueue(store, told.append) as queue:
            queue.put(records("a"))
            queue._thread.join(20)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
