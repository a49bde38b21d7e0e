"""Starting Ray, or joining a cluster. On a single machine nothing listens beyond loopback."""

import logging
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

# Read by Ray when it is imported. Usage statistics are off by default here.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_worker_niceness", "0")  # the driver's, not 15 more
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "86400")
os.environ.setdefault("TUNE_WARN_THRESHOLD_S", "60")
os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = "100000"  # workers are asked for where there is room
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # Ctrl-C is handled by `run_plan`

import ray
from ray._private import ray_constants
from ray.autoscaler.sdk import request_resources

from mubench.catalogue.files import cache_root
from mubench.data.scratch import scratch_folder
from mubench.errors import InputError, RunError
from mubench.run.loopback import bypass_proxies
from mubench.run.machine import usable_cpus
from mubench.run.tune.last_words import last_words
from mubench.run.tune.pool import Node, Share
from mubench.run.tune.session_folder import session_parent
from mubench.sweep.steps import Step

_OBJECT_STORE_BYTES = 128 * 2**20
"""Workers exchange little: data, models and outputs go through files. Ray takes 30 % of memory."""
_ANSWER_SECONDS = 10.0
_HEAD_SECONDS, _HEAD_MISSES = 3.0, 5
"""Seconds between two looks at the head, and how many in a row may fail."""
FAILED = 1
"""The exit code of a run that could not go on."""


@dataclass(frozen=True)
class ClusterConfig:
    """A cluster's `address`, or the CPUs and GPUs of this machine to use: all by default.

    `wait` is for a cluster that grows by itself: steps that fit no node wait for one.
    """

    address: str | None = None
    cpus: int | None = None
    gpus: int | None = None
    wait: bool = False


@contextmanager
def connected(cluster: ClusterConfig) -> Iterator[None]:
    """A Ray session: a cluster's, else one of this machine that ends with the context.

    A session that the caller began is used and left running.

    Raises:
        InputError: the address is not one of a cluster's head.
        RunError: no cluster answers there, or it cannot be joined from here.
    """
    if ray.is_initialized():
        yield
        return
    if cluster.address is not None:
        _require_head(cluster.address)
        _try_to_join(cluster.address)
        with _session(cluster.address):
            yield
        return
    bypass_proxies()
    _give_token()
    with scratch_folder(session_parent()) as folder, _temporary_files_in(folder):
        local = {
            "num_cpus": cluster.cpus or usable_cpus(),
            "num_gpus": cluster.gpus,
            "object_store_memory": _OBJECT_STORE_BYTES,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
            "_temp_dir": str(folder),
        }
        # Without "local" Ray joins whatever `ray start` or RAY_ADDRESS left on this machine.
        with _session("local", **local):
            yield


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have the processes of a session put theirs there, so that they go with it.

    What torch compiles is kept for later sessions where mubench has its own cache.
    """
    before = dict(os.environ)
    os.environ["TMPDIR"] = str(folder)
    with suppress(OSError):
        compiled = cache_root() / "torchinductor"
        compiled.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(compiled))
    try:
        yield
    finally:
        for name in ("TMPDIR", "TORCHINDUCTOR_CACHE_DIR"):
            if name in before:
                os.environ[name] = before[name]
            else:
                os.environ.pop(name, None)


@contextmanager
def _session(address: str, **local: Any) -> Iterator[None]:
    # Ray binds to loopback only if clusters are switched off. Its environment variable for that,
    # RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER, counts only before the first import of ray.
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = not local
    ray._private.worker.print_to_stdstream = _show_first_line
    try:
        try:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **local)
        except (OSError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise RunError(f"Ray does not start: {reason}; finished steps are safe") from error
        yield
    finally:
        ray.shutdown()
        ray_constants.ENABLE_RAY_CLUSTER = before


@contextmanager
def watched_head() -> Iterator[None]:
    """End this process with one line when the head of its cluster is gone.

    Ray would try to reach it for a minute, and then end the process without a word; it does so at
    once where the node of this process is gone.
    """
    address: str = ray.get_runtime_context().gcs_address
    over = threading.Event()

    def watch() -> None:
        missed = 0
        while missed < _HEAD_MISSES:
            if over.wait(_HEAD_SECONDS):
                return
            missed = missed + 1 if _silence(address) else 0
        sys.stderr.write(
            f"mubench: the head of the Ray cluster at {address} is gone; finished steps are safe "
            "in the store: start the cluster and give the same command again\n"
        )
        sys.stderr.flush()
        watcher.communicate(b"\n")
        os._exit(FAILED)

    with last_words() as watcher:
        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            over.set()


def nodes() -> list[Node]:
    """The nodes of the cluster that live."""
    return [
        Node(node["NodeID"], node["Resources"].get("CPU", 0), node["Resources"].get("GPU", 0))
        for node in ray.nodes()  # type: ignore[no-untyped-call]
        if node["Alive"]
    ]


def dashboard() -> str | None:
    """The address of Ray's dashboard, if there is one."""
    url = ray._private.worker._global_node.webui_url  # type: ignore[attr-defined]
    return f"http://{url}" if url else None


def require_room(steps: Iterable[Step], present: Iterable[Node]) -> None:
    """Refuse steps that fit no node, which would wait for ever.

    Raises:
        RunError: what they need, what there is, and what to do.
    """
    machines = list(present)
    kinds: dict[Share, set[str]] = {}
    for step in steps:
        kinds.setdefault(Share.of(step), set()).add(step.kind)
    for share, names in kinds.items():
        if not any(share.fits(node) for node in machines):
            largest = sorted({Share(node.cpu, node.gpu) for node in machines})[-3:]
            raise RunError(
                f"a {' or '.join(sorted(names))} step needs {share}, and no node has as much "
                f"({'; '.join(map(str, largest))}); change `resources` in the sweep file, add such "
                "a node, or give --wait if the cluster adds nodes by itself"
            )


def ask_for(shares: Iterable[Share]) -> None:
    """Tell the autoscaler of a cluster, if it has one, which workers have work."""
    asked = [{"CPU": share.cpu, "GPU": share.gpu} for share in shares]
    request_resources(bundles=[{k: v for k, v in each.items() if v} for each in asked])


def has_gpu(cluster: ClusterConfig) -> bool:
    """Whether a cluster has a GPU; one that is waited for may be the first."""
    if cluster.wait:
        return True
    with connected(cluster):
        return any(node.gpu for node in nodes())


def _give_token() -> None:
    """Ray writes a token below HOME, and does not start where it cannot: then it gets one."""
    folder = Path("~/.ray").expanduser()
    if (folder / "auth_token").is_file():
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(folder, os.W_OK)
    except OSError:
        is_writable = False
    if not is_writable:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


def _show_first_line(data: dict[str, Any], ignore_prefix: bool = False) -> None:
    """What Ray reports of its nodes and of the autoscaler, without pages of their logs."""
    for text in data["lines"]:
        first = text.strip().splitlines()[0]
        if "worker processes have been started" not in first:  # that is how it is meant
            sys.stderr.write(f"Ray: {first[:200]}\n")


@cache
def _try_to_join(address: str) -> None:
    """Join a cluster in a process of its own first.

    Where that fails, Ray writes its core's lines for twenty seconds or ends the process outright.

    Raises:
        RunError: why it fails, and what to do.
    """
    join = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False, logging_level=40)"
    tried = subprocess.run(
        [sys.executable, "-c", join, address], capture_output=True, text=True, check=False
    )
    if not tried.returncode:
        return
    if "InvalidAuthToken" in tried.stderr:
        reason = (
            f"Ray at {address} asks for its token: set RAY_AUTH_MODE=token, with the head's "
            "~/.ray/auth_token on this machine or its text in RAY_AUTH_TOKEN"
        )
    elif "raylet_ipc_client" in tried.stderr:  # no process of that Ray runs here
        reason = (
            f"this machine is no node of the cluster at {address}: start mubench on one of its "
            "nodes, make this machine one (ray start --address), or use ray job submit"
        )
    else:
        reason = f"Ray at {address}: {tried.stderr.strip().splitlines()[-1]}"
    raise RunError(f"{reason}; nothing has run")


def _require_head(address: str) -> None:
    """Ray tries a wrong address for minutes: see first whether anybody answers."""
    if address == "auto":
        return
    if "://" in address:
        raise InputError(
            f"--address {address}: start mubench on a node of the cluster and give --address auto, "
            "or use `ray job submit`; Ray's client (ray://) cannot run a sweep"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"--address {address}: give HOST:PORT of the head, or auto")
    problem = _silence(address)
    if problem:
        raise RunError(f"no Ray cluster answers at {address} ({problem}); nothing has run")


def _silence(address: str) -> str:
    """Why nobody answers at HOST:PORT; empty where somebody does."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), _ANSWER_SECONDS).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""
