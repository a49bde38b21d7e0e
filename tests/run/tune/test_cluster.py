"""A Ray of this machine: loopback alone, a token, and a caller's left running."""

import os
import socket
from pathlib import Path

import pytest
import ray

from mubench.errors import InputError, RunError
from mubench.run.tune.cluster import ClusterConfig, connected, has_gpu, require_room
from mubench.run.tune.pool import Node
from mubench.sweep.load import parse
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP, changed
from tests.support.sweep_world import descendants, listening

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default")]


SHARES = {
    "train": {"cpu": 1, "gpu": 1},
    "search": {"cpu": 1, "gpu": 0.25},
    "final": {"cpu": 1, "gpu": 1},
}


def gpu_steps(**shares):
    spec = parse(changed(SWEEP, resources={**SHARES, **shares}), "x")
    return make_plan(spec, "cuda").steps.values()


def test_steps_that_fit_no_node_are_refused_in_one_line():
    present = [Node("a", 8, 0), Node("b", 4, 2)]
    require_room(gpu_steps(), present)
    with pytest.raises(RunError) as refused:
        require_room(gpu_steps(search={"cpu": 6, "gpu": 1}), present)
    assert str(refused.value) == (
        "a search step needs 6 CPU, 1 GPU, and no node has as much (4 CPU, 2 GPU; 8 CPU); change "
        "`resources` in the sweep file, add such a node, or give --wait if the cluster adds nodes "
        "by itself"
    )
    with pytest.raises(RunError, match=r"a final or retrain or train step needs 1 CPU, 3 GPU"):
        require_room(gpu_steps(train={"gpu": 3}, final={"gpu": 3}), present)


@pytest.mark.parametrize("address", ["ray://head:10001", "http://head:8265"])
def test_an_address_of_another_kind_is_refused_with_what_to_do(address):
    with (
        pytest.raises(InputError, match=r"start mubench on a node of the cluster .*ray job submit"),
        connected(ClusterConfig(address)),
    ):
        pass


def test_an_address_without_a_port_is_refused():
    with pytest.raises(InputError, match=r"^--address head: give HOST:PORT of the head, or auto$"):
        has_gpu(ClusterConfig("head"))


def test_a_gpu_that_is_waited_for_counts_without_asking_anybody():
    """A pool of GPUs that starts at zero: its steps have the ids of steps on GPUs."""
    assert has_gpu(ClusterConfig("nobody:1", wait=True))


def test_nobody_who_answers_is_said_at_once():
    """Ray would try for minutes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RunError, match=rf"^no Ray cluster answers at 127\.0\.0\.1:{port} "):
        has_gpu(ClusterConfig(f"127.0.0.1:{port}"))


def test_nothing_listens_beyond_loopback(two_cpus):
    session = {os.getpid(), *descendants(os.getpid())}
    names = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in session}
    assert {"raylet", "gcs_server"} <= names
    addresses = listening(session)
    assert len(addresses) >= 3
    assert all(address.is_loopback for address in addresses)


def test_a_ray_that_the_caller_began_is_left_running(two_cpus):
    with connected(ClusterConfig()):
        pass
    assert ray.is_initialized()


def test_the_session_asks_for_a_token(two_cpus):
    setup = pytest.importorskip("ray._private.authentication.authentication_token_setup")
    if not hasattr(setup, "enable_token_auth_by_default"):
        pytest.skip("tokens are no default of this Ray")
    assert os.environ["RAY_AUTH_MODE"] == "token"
