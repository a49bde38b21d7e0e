"""Whatever ends a run, the same command finishes it, and the records do not show it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from mubench.run.open_sweep import open_sweep
from mubench.store.store import Store
from mubench.sweep.kinds import STEP_KINDS
from tests.support.sweep_world import all_values, descendants, finish, listening, users_of, write

pytestmark = [pytest.mark.ray, pytest.mark.slow]


PATIENCE = 240.0
"""Seconds after which something hangs; a run takes fifteen."""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    return write(tmp_path_factory.mktemp("sweep") / "tiny.yaml", methods={"ga": {}, "ft": {}})


@pytest.fixture(scope="module")
def undisturbed(sweep, tmp_path_factory):
    store = tmp_path_factory.mktemp("undisturbed")
    process = begin(sweep, store)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    return all_values(records(store))


@pytest.fixture
def temporary(monkeypatch):
    """A folder for temporary files with a path that is short enough for Ray."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


def begin(sweep, store):
    """`mubench run` as a terminal starts it: with a process group of its own."""
    command = [sys.executable, "-m", "mubench", "run", sweep, "--no-mlflow"]
    return subprocess.Popen(
        [*command, "--store", str(store), "--out", str(store / "report")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def records(store):
    return Store(str(store)).records.read()


def until(happens, process):
    """Wait for something to happen while a process runs."""
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def has_records(store, count):
    return lambda: len(list(store.glob("records/part-*.parquet"))) >= count


def session_of(process):
    """All processes of a run that hold the cluster or run steps.

    Ray's two agents are left out: when everything else is gone they notice after a minute.
    """
    agents = ("ray::DashboardAgent", "ray::RuntimeEnvAgent")
    return {pid for pid in descendants(process.pid) if not command_of(pid).startswith(agents)}


def command_of(pid):
    """Ray names a worker by what it does."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:  # it just ended
        return ""


def all_end(pids):
    """Whether all of these processes end soon."""
    deadline = time.monotonic() + 60
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def workers_in_a_step(process):
    return [
        pid
        for pid in descendants(process.pid)
        if command_of(pid).startswith(tuple(f"ray::{kind} " for kind in STEP_KINDS))
    ]


def test_a_killed_driver_takes_ray_along_and_the_same_command_finishes(
    sweep, undisturbed, tmp_path, temporary
):
    process = begin(sweep, tmp_path)
    until(has_records(tmp_path, 3), process)
    session = session_of(process)
    assert list(temporary.glob("mubench-*/in/session_*"))
    addresses = listening({process.pid, *descendants(process.pid)})
    process.kill()
    process.communicate()
    before = records(tmp_path)
    assert 3 <= len(before) < len(undisturbed)
    assert len(addresses) >= 3
    assert all(address.is_loopback for address in addresses)
    assert all_end(session)
    assert all_end(users_of(temporary))  # agents of Ray need a while to see the end

    process = begin(sweep, tmp_path)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert f"{len(before)} of {len(undisturbed)} steps completed" in output
    after = records(tmp_path)
    assert after.items() >= before.items()
    assert all_values(after) == undisturbed
    assert not list(temporary.iterdir())


def test_an_interrupted_run_goes_on_and_survives_the_death_of_a_worker(
    sweep, undisturbed, tmp_path
):
    process = begin(sweep, tmp_path)
    until(has_records(tmp_path, 3), process)
    session = session_of(process)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, output
    assert "interrupted" in output
    assert "Traceback" not in output
    assert all_end(session)
    before = records(tmp_path)
    assert 3 <= len(before) < len(undisturbed)

    process = begin(sweep, tmp_path)
    until(lambda: workers_in_a_step(process), process)
    os.kill(workers_in_a_step(process)[0], signal.SIGKILL)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    after = records(tmp_path)
    assert after.items() >= before.items()
    assert all_values(after) == undisturbed


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGUSR1], ids=["TERM", "USR1"])
def test_a_scheduler_that_ends_a_run_in_mid_training_loses_no_epoch(ended_by, tmp_path):
    """Slurm's signals: the training keeps a checkpoint, and goes on bit for bit."""
    sweep = write(
        tmp_path / "long.yaml", training={"epochs": 60}, checkpoint="300s", methods={"ga": {}}
    )
    uncut = finish(open_sweep(sweep, str(tmp_path / "uncut")))
    store = tmp_path / "store"
    process = begin(sweep, store)
    until(lambda: workers_in_a_step(process), process)
    time.sleep(2)
    process.send_signal(ended_by)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143, output
    assert "interrupted; the same command continues" in output
    kept = list(store.glob("checkpoints/*/state.safetensors"))
    again = begin(sweep, store)
    output, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, output
    assert all_values(records(store)) == all_values(uncut)
    assert kept
    assert not list(store.glob("checkpoints/*/state.safetensors"))
