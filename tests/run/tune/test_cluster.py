"""A Ray of this machine: loopback alone, a token, and a caller's left running."""

import os
from pathlib import Path

import pytest
import ray

from mubench.run.tune.cluster import ClusterConfig, connected
from tests.support.sweep_world import descendants, listening

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default")]


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
