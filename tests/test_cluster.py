"""Sweeps on several nodes: real raylets on this machine, which die and are joined by others."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import ray
from ray import cloudpickle
from ray.cluster_utils import Cluster

from mubench.errors import RunError
from mubench.run.open_sweep import open_sweep
from mubench.run.tune.cluster import ClusterConfig
from mubench.run.tune.run_plan import run_plan
from mubench.store.store import Store
from tests.support.noop_worker import NoopWorker
from tests.support.quiet_progress import Quiet
from tests.support.sweep_world import all_values, descendants, finish, write

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default")]

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not find this file


@pytest.fixture
def three_nodes():
    """A head without CPUs and two nodes with one each."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def opened_in(folder, **changes):
    return open_sweep(write(folder / "tiny.yaml", **changes), str(folder / "store"))


def nodes_of(records):
    return {record.metrics["node"] for record in records.values()}


class Where(NoopWorker):
    """Does nothing for a while, and leaves a note of its node."""

    seconds = 1.0

    def run_step(self, ready):
        time.sleep(self.seconds)
        node = int(ray.get_runtime_context().get_node_id()[-8:], 16)
        record = super().run_step(ready)
        return replace(record, metrics={**record.metrics, "node": node})


def test_a_sweep_on_three_nodes_has_the_values_of_one_process(three_nodes, tmp_path):
    (tmp_path / "cluster").mkdir()
    (tmp_path / "alone").mkdir()
    opened = opened_in(tmp_path / "cluster")
    config = ClusterConfig(address=three_nodes.address)
    summary = run_plan(opened.plan, opened.store, Quiet(), cluster=config)
    assert {record.status for record in summary.records.values()} == {"ok"}
    assert all_values(summary.records) == all_values(finish(opened_in(tmp_path / "alone")))


def test_a_node_dies_and_another_joins_in_the_middle_of_a_sweep(three_nodes, tmp_path, capfd):
    opened = opened_in(tmp_path, methods={"ga": {}, "ft": {}}, search={"trials": 24, "lag": 4})

    class Changing(Quiet):
        records = 0

        def finished(self, record, schedule):
            self.records += 1
            if self.records == 10:
                gone = three_nodes.list_all_nodes()[-1]
                three_nodes.remove_node(gone, allow_graceful=False)
                three_nodes.add_node(num_cpus=1)

    config = ClusterConfig(address=three_nodes.address)
    watching = Changing()
    summary = run_plan(opened.plan, opened.store, watching, cluster=config, worker=Where)
    told = [line for line in watching.lines if "node" in line]
    assert sorted(told) == ["1 node gone; their steps run again", "1 node joined"]
    assert "state-dump" not in "".join(capfd.readouterr())
    assert summary.records.keys() == opened.plan.steps.keys()
    assert {record.status for record in summary.records.values()} == {"ok"}
    assert len(nodes_of(summary.records)) == 3


def test_a_step_that_fits_no_node_is_refused_before_anything_runs(three_nodes, tmp_path):
    opened = opened_in(tmp_path, resources={"search": {"cpu": 3}})
    config = ClusterConfig(address=three_nodes.address)
    with pytest.raises(RunError, match=r"^a search step needs 3 CPU, and no node has as much"):
        run_plan(opened.plan, opened.store, Quiet(), cluster=config)
    assert not opened.store.records.read()


def test_with_wait_a_sweep_goes_on_when_the_node_comes(three_nodes, tmp_path):
    opened = opened_in(tmp_path, resources={"search": {"cpu": 2}})

    class Growing(Quiet):
        looks = 0

        def looked(self, busy, workers):
            self.looks += 1
            if self.looks == 5:
                three_nodes.add_node(num_cpus=2)

    config = ClusterConfig(address=three_nodes.address, wait=True)
    summary = run_plan(opened.plan, opened.store, Growing(), cluster=config, worker=NoopWorker)
    assert {record.status for record in summary.records.values()} == {"ok"}


def ray_start(folder, *arguments, cpus=1, **variables):
    """A raylet of its own session, as `ray start` makes it; it ends with the fixture."""
    environment = {**os.environ, "RAY_TMPDIR": str(folder), **variables}
    command = [f"{Path(sys.executable).parent}/ray", "start", "--block", f"--num-cpus={cpus}"]
    return subprocess.Popen(
        [*command, "--disable-usage-stats", *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def head():
    """Starts a head at a port, again and again."""
    started = []

    def start(port, *more, **changes):
        folder = tempfile.mkdtemp(prefix="ray-")  # paths of sockets are short
        arguments = ("--head", f"--port={port}", "--node-ip-address=127.0.0.1", *more)
        process = ray_start(folder, *arguments, "--include-dashboard=false", **changes)
        started.append((process, folder))
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                return process
            time.sleep(0.1)
        raise AssertionError(f"no head: {process.poll()}")

    yield start
    for process, folder in started:
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


def stop(process):
    """Kill a head with everything that it started."""
    for child in descendants(process.pid):
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    process.kill()
    process.wait()


def test_the_head_dies_and_the_same_command_goes_on_later(head, tmp_path):
    """Who has no token is refused; one line says that all is safe; later only the rest is run."""
    port = free_port()
    first = head(port)
    sweep = write(tmp_path / "tiny.yaml", methods={"ga": {}, "ft": {}}, search={"trials": 12})
    store = tmp_path / "store"
    command = [sys.executable, "-m", "mubench", "run", sweep, "--store", str(store), "--no-mlflow"]
    command += ["--address", f"127.0.0.1:{port}"]
    stranger = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    refused = subprocess.run(command, cwd=tmp_path, env=stranger, capture_output=True, text=True)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"mubench: Ray at 127.0.0.1:{port} asks for its token: set ")
    assert len(refused.stderr.splitlines()) == 1
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    while len(done := Store(str(store)).records.read()) < 4:
        assert run.poll() is None
        time.sleep(0.5)
    stop(first)
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 1
    (line,) = (line for line in errors.splitlines() if line.startswith("mubench: "))
    # Ray's core ends the process where it misses its raylet before the head is missed.
    assert re.search(rf"the head of the Ray cluster at \S+:{port} is|ended without a word", line)
    assert "finished steps are safe" in line
    kept = Store(str(store)).records.read()
    assert kept.keys() >= done.keys()
    head(port)
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    after = Store(str(store)).records.read()
    assert len(after) > len(kept)
    assert {key: after[key].created for key in kept} == {k: r.created for k, r in kept.items()}
    assert {record.status for record in after.values()} == {"ok"}


def autoscaling(folder):
    """The option for a cluster whose autoscaler starts raylets on this machine, two at most."""
    head, two = "ray.head.default", {"resources": {"CPU": 2}, "min_workers": 0, "max_workers": 2}
    provider = dict.fromkeys(
        ("use_node_id_as_ip", "disable_node_updaters", "disable_launch_config_check"), True
    )
    config = {
        "cluster_name": "grows",
        "max_workers": 2,
        "provider": {"type": "fake_multinode", **provider},
        "available_node_types": {
            head: {"resources": {"CPU": 0}, "max_workers": 0, "node_config": {}},
            "two": {**two, "node_config": {}},
        },
        "head_node_type": head,
        "idle_timeout_minutes": 1,
        "upscaling_speed": 1.0,
    }
    config |= {name: {} for name in ("auth", "docker", "file_mounts")}
    steps = ("initialization", "setup", "head_setup", "worker_setup")
    starts = ("head_start_ray", "worker_start_ray")
    config |= {f"{name}_commands": [] for name in (*steps, *starts)}
    config["cluster_synced_files"] = []
    file = folder / "autoscaling.json"
    file.write_text(json.dumps(config))
    return f"--autoscaling-config={file}"


def test_an_autoscaler_starts_the_nodes_of_a_pool_that_is_empty(head, tmp_path):
    port = 6379  # where the nodes of that provider look for their head
    with socket.socket() as own:
        if own.connect_ex(("127.0.0.1", port)) == 0:
            pytest.skip(f"another Ray uses port {port}")
    quick = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
    head(port, autoscaling(tmp_path), cpus=0, **quick)
    opened = opened_in(tmp_path, methods={"ga": {}, "ft": {}}, search={"trials": 6, "lag": 6})
    config = ClusterConfig(address=f"127.0.0.1:{port}", wait=True)
    watching = Quiet()
    summary = run_plan(opened.plan, opened.store, watching, cluster=config, worker=Where)
    assert {record.status for record in summary.records.values()} == {"ok"}
    assert len(nodes_of(summary.records)) == 2  # steps for four workers were asked for


OTHER_HOST = """
set -e
ip netns add $1
ip link add $1a type veth peer name $1b netns $1
ip addr add 10.77.$2.1/24 dev $1a
ip link set $1a up
ip -n $1 addr add 10.77.$2.2/24 dev $1b
ip -n $1 link set $1b up
ip -n $1 link set lo up
"""
"""A host of its own: a network, and below a disk."""


@pytest.fixture
def other_host():
    """The name and the address of a host that is on no disk of this one."""
    if os.geteuid() or not all(map(shutil.which, ("ip", "unshare"))):
        pytest.skip("another host needs root and Debian's package iproute2")
    name, number = f"mu{os.getpid() % 10**6}", str(os.getpid() % 250)
    made = subprocess.run(["bash", "-c", OTHER_HOST, "", name, number], capture_output=True)
    if made.returncode:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
        pytest.skip(f"no network namespace here: {made.stderr.decode().strip()}")
    yield name, f"10.77.{number}.2"
    pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout
    for pid in pids.split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", name], check=True)


def test_a_machine_that_is_no_node_of_the_cluster_is_refused_in_one_line(other_host, tmp_path):
    """Ray would end the process with pages of its core's stack."""
    name, host = other_host
    port = free_port()
    start = ["ray", "start", "--head", "--block", "--num-cpus=1", "--include-dashboard=false"]
    start += [f"--node-ip-address={host}", f"--port={port}"]
    disk = "mount -t tmpfs tmpfs /tmp && exec $0 $@"
    ray_of_host = subprocess.Popen(
        ["ip", "netns", "exec", name, "unshare", "-m", "bash", "-c", disk, *start],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    command = [sys.executable, "-m", "mubench", "run", write(tmp_path / "tiny.yaml")]
    command += ["--store", str(tmp_path / "store"), "--no-mlflow", "--address", f"{host}:{port}"]
    deadline = time.monotonic() + 120
    errors = "no Ray cluster answers"
    while "no Ray cluster answers" in errors and time.monotonic() < deadline:
        refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        errors = refused.stderr
    ray_of_host.kill()
    ray_of_host.wait()
    assert refused.returncode == 1
    assert errors.startswith(f"mubench: this machine is no node of the cluster at {host}:{port}: ")
    assert len(errors.splitlines()) == 1
