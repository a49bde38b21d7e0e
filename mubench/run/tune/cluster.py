"""Starting Ray, or joining a cluster. On a single machine nothing listens beyond loopback."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# Read by Ray when it is imported. Usage statistics are off by default here.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "86400")
os.environ.setdefault("TUNE_WARN_THRESHOLD_S", "60")
os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = "100000"  # workers are asked for where there is room
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # Ctrl-C is handled by `run_plan`

import ray
from ray._private import ray_constants

from mubench.run.tune.pool import Node
from mubench.sweep.kinds import Device


@dataclass(frozen=True)
class ClusterConfig:
    """A cluster's `address`, or the CPUs and GPUs of this machine to use: all by default."""

    address: str | None = None
    cpus: int | None = None
    gpus: int | None = None


@contextmanager
def connected(cluster: ClusterConfig) -> Iterator[None]:
    """A Ray session: a cluster's, else one of this machine that ends with the context.

    A session that the caller began is used and left running.
    """
    if ray.is_initialized():
        yield
        return
    local: dict[str, Any] = {}
    if cluster.address is None:
        local = {
            "num_cpus": cluster.cpus,
            "num_gpus": cluster.gpus,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
        }
    # Ray binds to loopback only if clusters are switched off. Its environment variable for that,
    # RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER, counts only before the first import of ray.
    ray_constants.ENABLE_RAY_CLUSTER = cluster.address is not None
    # Without "local" Ray joins whatever `ray start` or RAY_ADDRESS left on this machine.
    ray.init(cluster.address or "local", log_to_driver=False, logging_level=logging.ERROR, **local)
    try:
        yield
    finally:
        ray.shutdown()


def nodes() -> list[Node]:
    """The nodes of the cluster that live."""
    return [
        Node(node["NodeID"], node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0))
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]


def cluster_device(address: str) -> Device:
    """`cuda` where the cluster at `address` has GPUs."""
    with connected(ClusterConfig(address)):
        has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return "cuda" if has.get("GPU", 0) > 0 else "cpu"
