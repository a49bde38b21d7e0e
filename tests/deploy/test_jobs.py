"""`ray job submit` runs a sweep on a cluster, with Ray's tokens and without."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from mubench.store.store import Store
from tests.support.paths import ROOT
from tests.support.sweep_world import write

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(not find_spec("aiohttp_cors"), reason="ray[default] is not installed"),
]
TOKEN = "a" * 64


PATIENCE = 120.0
"""Seconds after which a head that takes no job is broken."""


@pytest.mark.parametrize("mode", ["token", "disabled"])
def test_a_submitted_job_runs_a_sweep(mode, tmp_path):
    (tmp_path / "sweeps").mkdir()
    write(tmp_path / "sweeps" / "tiny.yaml")
    options = f"--store={tmp_path}/store --out={tmp_path}/report --no-mlflow".split()
    with head(mode) as (environment, dashboard):
        submit = ("ray", "job", "submit", "--address", dashboard)
        folder = ("--working-dir", str(tmp_path / "sweeps"), "--")
        deadline = time.monotonic() + PATIENCE
        while True:  # on a busy machine Ray takes jobs some time after its start
            done = run(*submit, *folder, "mubench", "run", "tiny.yaml", *options, **environment)
            if "No available agent" not in done.stdout or time.monotonic() > deadline:
                break
            time.sleep(1)
        assert done.returncode == 0, done.stdout
        if mode == "token":
            stranger = {**environment, "RAY_AUTH_TOKEN": "b" * 64}
            refused = run("ray", "job", "list", "--address", dashboard, **stranger)
            assert refused.returncode != 0
            assert "Invalid authentication token" in refused.stdout
    records = Store(str(tmp_path / "store")).records.read()
    assert [record.status for record in records.values()] == ["ok"] * 10


@contextmanager
def head(mode):
    """A head with a dashboard, in a session of its own: what to give to Ray's commands."""
    port, dashboard, client, agent = free_ports(4)
    environment = {
        "RAY_AUTH_MODE": mode,
        "RAY_AUTH_TOKEN": TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": f"/tmp/ray-job-{os.getpid()}",  # paths of sockets are short
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    command = ["ray", "start", "--head", "--node-ip-address=127.0.0.2", f"--port={port}"]
    ports = [f"--dashboard-port={dashboard}", f"--ray-client-server-port={client}"]
    ports.append(f"--dashboard-agent-listen-port={agent}")  # another Ray may have the usual one
    process = subprocess.Popen(
        [*command, *ports, "--num-cpus=1", "--block"],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        seen = ""
        for line in process.stdout:
            seen += line
            if "Ray runtime started" in line:
                break
        else:
            pytest.fail(seen)
        yield environment, f"http://127.0.0.1:{dashboard}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def run(*command, **environment):
    return subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def free_ports(count):
    """Ports that nobody listens on, outside of the range that Ray's workers use."""
    found = []
    for port in range(20_000 + os.getpid() % 10_000, 65_000):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)):
                found.append(port)
        if len(found) == count:
            break
    return found
