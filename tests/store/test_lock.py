"""One writer at a time, whatever became of the last one, in a folder and in a bucket."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from dataclasses import replace

import pytest

from mubench.errors import StoreError
from mubench.store import lock as lock_module
from mubench.store.files import Files
from mubench.store.lock import Claim, Lock
from mubench.store.process import Process
from mubench.store.store import Store
from tests.support.stored_records import record


@pytest.fixture
def quick(monkeypatch):
    """An owner beats every 10 ms, and is dead after 300."""
    monkeypatch.setattr(lock_module, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(lock_module, "STALE_SECONDS", 0.3)
    monkeypatch.setattr(lock_module, "LOOK_SECONDS", 0.02)


@pytest.fixture
def slow_heart(quick, monkeypatch):
    """An owner does not beat by itself."""
    monkeypatch.setattr(lock_module, "BEAT_SECONDS", 60)


def elsewhere(**values):
    return replace(Process.own(), machine="another boot", **values)


def put_claim(files, number=1, **values):
    claim = Claim(**{"token": "t", "sweep": "other", "process": Process.own(), **values})
    files.write(f"lock/{number:08}.json", claim.pack())


def newest(files):
    return json.loads(files.read(files.list("lock")[-1]))


def pulse(files, number, stop):
    """Keep a claim of another machine alive."""
    beats = 0
    while not stop.wait(0.01):
        beats += 1
        put_claim(files, number, process=elsewhere(), beat=beats)


def test_a_second_writer_is_refused_and_told_who_holds_the_store(files):
    with Lock(files, "first"), pytest.raises(StoreError) as caught, Lock(files, "second"):
        pass
    assert str(caught.value) == (
        f"{files.uri}: in use by sweep 'first' (process {os.getpid()} on {socket.gethostname()}); "
        "wait for it or choose another --store"
    )


def test_a_refused_writer_leaves_the_lock_and_the_owner_frees_it(files):
    with Lock(files, "first"):
        with pytest.raises(StoreError), Lock(files, "second"):
            pass
        assert newest(files)["sweep"] == "first"
    assert newest(files)["is_free"]
    with Lock(files, "third"):
        assert [newest(files)["sweep"], len(files.list("lock"))] == ["third", 1]


def test_the_lock_goes_when_a_sweep_fails(files):
    with pytest.raises(RuntimeError), Lock(files, "first"):
        raise RuntimeError
    assert newest(files)["is_free"]


def dead_pid():
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


@pytest.mark.parametrize("how", ["dead", "zombie", "number given away"])
def test_the_lock_of_a_process_that_has_ended_is_taken_over_at_once(files, how, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("it waits"))
    child = subprocess.Popen(["sleep", "60"])
    processes = {
        "dead": replace(Process.own(), pid=dead_pid()),
        "zombie": replace(Process.own(), pid=child.pid),
        "number given away": replace(Process.own(), started="1"),
    }
    put_claim(files, process=processes[how])
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with Lock(files, "mine"):
        assert newest(files)["sweep"] == "mine"
    child.wait()


def test_the_lock_of_another_machine_holds_while_its_heart_beats(files, quick, monkeypatch):
    """Its host and process may be called like ours, and its clock may stand: only beats count."""
    monkeypatch.setattr(lock_module, "STALE_SECONDS", 60)
    put_claim(files, process=elsewhere())
    stop = threading.Event()
    heart = threading.Thread(target=pulse, args=(files, 1, stop))
    heart.start()
    waits = pytest.warns(UserWarning, match="locked by sweep 'other'.*waiting up to 60 s")
    with waits, pytest.raises(StoreError, match="in use by sweep 'other'"), Lock(files, "mine"):
        pass
    stop.set()
    heart.join()


@pytest.mark.parametrize("machine", ["another boot", ""])
def test_the_lock_of_another_machine_is_taken_over_when_its_heart_has_stopped(
    files, quick, machine
):
    put_claim(files, process=replace(Process.own(), machine=machine))
    with pytest.warns(UserWarning, match="waiting up to"), Lock(files, "mine"):
        assert newest(files)["sweep"] == "mine"


def test_who_waits_sees_that_the_owner_finishes(files, quick, monkeypatch):
    put_claim(files, process=elsewhere())
    monkeypatch.setattr(lock_module, "STALE_SECONDS", 60)
    end = threading.Timer(0.1, put_claim, (files,), {"process": elsewhere(), "is_free": True})
    end.start()
    with pytest.warns(UserWarning, match="waiting up to"), Lock(files, "mine"):
        assert newest(files)["sweep"] == "mine"
    end.join()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'"x"', b'{"process": {}}'])
def test_a_damaged_lock_holds_nobody_off_for_long(files, quick, content):
    files.write("lock/00000007.json", content)
    with pytest.warns(UserWarning, match="locked by an unknown sweep"), Lock(files, "mine"):
        assert files.list("lock") == ["lock/00000008.json"]


def race(locks):
    """Enter locks from as many threads at the same moment; those that were entered."""
    start, entered = threading.Barrier(len(locks)), []

    def enter(lock):
        start.wait()
        try:
            lock.__enter__()
        except StoreError:
            return
        entered.append(lock)

    threads = [threading.Thread(target=enter, args=(lock,)) for lock in locks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lock in entered:
        lock.__exit__(None, None, None)
    return entered


@pytest.mark.parametrize("before", ["nothing", "freed", "gone", "stale"])
def test_of_three_writers_that_begin_at_once_exactly_one_gets_the_store(files, quick, before):
    for number in range(5):
        if before != "nothing":
            process = {"gone": replace(Process.own(), started="1"), "stale": elsewhere()}
            put_claim(
                files,
                100 * (number + 1),
                process=process.get(before, Process.own()),
                is_free=before == "freed",
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            assert len(race([Lock(Files(files.uri), f"s{each}") for each in range(3)])) == 1


@pytest.mark.slow
def test_of_three_processes_that_begin_at_once_exactly_one_gets_the_store(files):
    code = (
        "import sys; from mubench.store.store import Store; store = Store(sys.argv[1])\n"
        "from mubench.errors import StoreError\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "try:\n"
        "    with store.lock('s'):\n"
        "        print('in', flush=True); sys.stdin.readline()\n"
        "except StoreError as error:\n"
        "    print(error, flush=True); sys.stdin.readline()\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, files.uri],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * 3
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    said = [writer.stdout.readline().strip() for writer in writers]
    for writer in writers:
        writer.communicate("\n")
    assert said.count("in") == 1, said
    assert sum("in use by sweep 's'" in line for line in said) == 2, said


def test_an_owner_that_lost_its_lock_stops_writing_and_frees_nothing(tmp_path, slow_heart):
    """It slept (a closed laptop, a stopped process), and another took the store over."""
    store = Store(str(tmp_path))
    lock = store.lock("first")
    with lock:
        store.records.append(record("a"))
        put_claim(store.files, 2, sweep="second")
        lock._seen -= lock_module.SURE_SECONDS
        with pytest.raises(StoreError) as caught:
            store.records.append(record("b"))
    assert str(caught.value) == (
        f"{tmp_path}: another sweep took the store over, since this one gave no sign of life for "
        "0 s; what was finished is kept: run it again when the other has finished"
    )
    assert set(store.records.read()) == {"a"}
    assert newest(store.files)["sweep"] == "second"
    assert not newest(store.files)["is_free"]


def test_an_owner_looks_at_each_beat_whether_it_still_is_one(files, quick):
    lock = Lock(files, "first")
    with lock:
        put_claim(files, 2, sweep="second")
        deadline = time.monotonic() + 20
        while not lock._is_lost and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(StoreError, match="took the store over"):
            lock.check()


def test_an_owner_that_is_sure_asks_nobody(files, slow_heart, monkeypatch):
    with Lock(files, "first") as lock:
        monkeypatch.setattr(Files, "list", lambda *_: pytest.fail("it asks"))
        lock.check()


def test_an_owner_that_cannot_reach_the_store_does_not_write(files, slow_heart, monkeypatch):
    def fail(*_):
        raise StoreError("no answer")

    with Lock(files, "first") as lock:
        lock._seen -= lock_module.SURE_SECONDS
        with monkeypatch.context() as broken:
            broken.setattr(Files, "list", fail)
            with pytest.raises(StoreError, match="no answer"):
                lock.check()
        lock.check()


def test_a_late_writer_cannot_use_a_number_that_was_used_up(files, slow_heart):
    """It saw claim 1 end; until it makes claim 2, others held claims 2 and 3."""
    put_claim(files, 1, is_free=True)
    late, real = Lock(files, "late"), files.create

    def create(name, content):
        files.create = real
        with Lock(Files(files.uri), "second"):
            pass
        with Lock(Files(files.uri), "third"):
            pass
        files.delete("lock/00000002.json")
        put_claim(files, 3, sweep="third")
        return real(name, content)

    files.create = create
    with pytest.raises(StoreError, match="in use by sweep 'third'"), late:
        pass


def test_an_owner_whose_request_was_answered_the_second_time_is_the_owner(files):
    """The first answer got lost; the second try finds the claim that the first one made."""
    lock, real = Lock(files, "mine"), files.create

    def create_twice(name, content):
        real(name, content)
        return real(name, content)

    files.create = create_twice
    with lock:
        assert newest(files)["sweep"] == "mine"
        with pytest.raises(StoreError, match="in use by sweep 'mine'"), Lock(files, "other"):
            pass


def test_a_store_that_overwrites_what_it_should_not_is_refused(files, monkeypatch):
    def overwrite(self, name, content):
        self.write(name, content)
        return True

    monkeypatch.setattr(Files, "create", overwrite)
    with pytest.raises(StoreError, match=r"it overwrites what exists .*two sweeps could write"):
        Lock(files, "mine").__enter__()


def test_the_heart_beats_and_survives_a_full_disk(files, quick, monkeypatch):
    real, fails, beats = Files.write, [True, True], []

    def write(self, name, content):
        if beats and fails:
            fails.pop()
            raise StoreError("no space")
        beats.append(json.loads(content)["beat"])
        return real(self, name, content)

    monkeypatch.setattr(Files, "write", write)
    with Lock(files, "mine"):
        deadline = time.monotonic() + 10
        while len(beats) < 3 and time.monotonic() < deadline:
            time.sleep(0.002)
    assert len(beats) >= 3
    assert not fails
    assert beats == sorted(set(beats))
