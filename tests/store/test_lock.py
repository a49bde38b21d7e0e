"""One writer at a time, whatever became of the last one."""

import json
import os
import socket
import subprocess
import time

import pytest

from mubench.errors import StoreError
from mubench.store import lock as lock_module
from mubench.store.files import Files
from mubench.store.store import Store


def write_lock(files, **owner):
    here = {"sweep": "other", "host": socket.gethostname(), "pid": os.getpid()}
    files.write("lock.json", json.dumps({**here, "beat": time.time(), **owner}).encode())


def test_a_second_writer_is_refused_and_told_who_holds_the_store(tmp_path):
    store = Store(str(tmp_path))
    with store.lock("first"), pytest.raises(StoreError) as caught, store.lock("second"):
        pass
    assert str(caught.value) == (
        f"{tmp_path}: in use by sweep 'first' (process {os.getpid()} on {socket.gethostname()}); "
        "wait for it or choose another --store"
    )


def test_a_refused_writer_leaves_the_lock_and_the_owner_takes_it_away(tmp_path):
    store = Store(str(tmp_path))
    with store.lock("first"):
        with pytest.raises(StoreError), store.lock("second"):
            pass
        assert store.files.exists("lock.json")
    assert not store.files.exists("lock.json")
    with store.lock("third"):
        pass


def test_the_lock_goes_when_a_sweep_fails(tmp_path):
    store = Store(str(tmp_path))
    with pytest.raises(RuntimeError), store.lock("first"):
        raise RuntimeError
    assert not store.files.exists("lock.json")


def dead_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_the_lock_of_a_dead_process_is_taken_over(files):
    write_lock(files, pid=dead_pid(), started="123")
    with lock_module.Lock(files, "mine"):
        assert json.loads(files.read("lock.json"))["pid"] == os.getpid()


def test_the_lock_of_a_process_whose_number_was_given_away_is_taken_over(files):
    write_lock(files, started="1")  # this process did not start one tick after boot
    with lock_module.Lock(files, "mine"):
        assert json.loads(files.read("lock.json"))["sweep"] == "mine"


def test_the_lock_of_another_machine_holds_while_its_heart_beats(files):
    write_lock(files, host="elsewhere", started="1")
    with pytest.raises(StoreError, match="on elsewhere"), lock_module.Lock(files, "mine"):
        pass


def test_the_lock_of_another_machine_is_taken_over_when_its_heart_has_stopped(files):
    write_lock(files, host="elsewhere", started="1", beat=time.time() - 61)
    with lock_module.Lock(files, "mine"):
        assert json.loads(files.read("lock.json"))["sweep"] == "mine"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'"x"'])
def test_a_damaged_lock_holds_nobody_off(files, content):
    files.write("lock.json", content)
    with lock_module.Lock(files, "mine"):
        assert json.loads(files.read("lock.json"))["sweep"] == "mine"


def test_the_heart_beats_and_survives_a_full_disk(files, monkeypatch):
    monkeypatch.setattr(lock_module, "BEAT_SECONDS", 0.005)
    real, fails, beats = Files.write, [True, True], []

    def write(self, name, content):
        if beats and fails:
            fails.pop()
            raise StoreError("no space")
        real(self, name, content)
        beats.append(json.loads(content)["beat"])

    monkeypatch.setattr(Files, "write", write)
    with lock_module.Lock(files, "mine"):
        deadline = time.monotonic() + 10
        while len(beats) < 3 and time.monotonic() < deadline:
            time.sleep(0.002)
    assert len(beats) >= 3
    assert not fails
    assert beats == sorted(beats)
