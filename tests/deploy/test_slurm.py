"""`deploy/slurm.sh` on a real Slurm of two nodes: a sweep runs, and goes on after its time."""

import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from mubench.store.store import Store
from tests.support.paths import ROOT
from tests.support.slurm import PATIENCE, missing, slurm
from tests.support.sweep_world import write

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=f"Slurm is not installed: {missing()}"),
    pytest.mark.skipif(not find_spec("aiohttp_cors"), reason="ray[default] is not installed"),
]
PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture
def submit(cluster, tmp_path):
    """Submit the script with a tiny sweep, as a person does with an active environment."""

    def submit(sweep):
        return cluster.submit(
            "--nodes=2",
            "--cpus-per-task=1",
            f"--output={tmp_path}/log",
            str(ROOT / "deploy" / "slurm.sh"),
            sweep,
            f"--store={tmp_path}/store",
            f"--out={tmp_path}/report",
            "--no-mlflow",
            PATH=f"{PROGRAMS}:{os.environ['PATH']}",
            PYTHONPATH=str(ROOT),
            HOME=str(tmp_path),
        )

    return submit


def test_a_sweep_runs_on_the_nodes_of_a_job(cluster, submit, tmp_path):
    job = submit(write(tmp_path / "tiny.yaml"))
    ended = cluster.wait(job, "COMPLETED", "FAILED", "NODE_FAIL", "TIMEOUT")
    log = (tmp_path / "log").read_text()
    assert ended["JobState"] == "COMPLETED", log
    records = Store(str(tmp_path / "store")).records.read()
    assert [record.status for record in records.values()] == ["ok"] * 10
    token = tmp_path / ".ray" / "auth_token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert len(token.read_text()) == 64
    assert log.count("Ray runtime started") == 2


def test_when_its_time_is_over_the_job_queues_again_and_goes_on(cluster, submit, tmp_path):
    job = submit(write(tmp_path / "tiny.yaml", methods={"ga": {}, "ft": {}}))
    parts = tmp_path / "store" / "records"
    deadline = time.monotonic() + PATIENCE
    while not list(parts.glob("part-*.parquet")):
        assert time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.1)
    cluster.call("scancel", "--batch", "--signal=USR1", job)
    cluster.wait(job, "PENDING", "COMPLETED")
    cluster.call("scontrol", "update", f"JobId={job}", "StartTime=now")
    ended = cluster.wait(job, "COMPLETED", "FAILED", "NODE_FAIL", "TIMEOUT")
    log = (tmp_path / "log").read_text()
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), log
    records = Store(str(tmp_path / "store")).records.read()
    assert {record.status for record in records.values()} == {"ok"}
    assert "0 of" in log
    assert "goes on where it was" in log
