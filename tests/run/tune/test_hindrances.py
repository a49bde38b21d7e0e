"""What the environment puts in Ray's way, all at once: a session works and leaves nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.slow]
PROXY = "http://127.0.0.1:9"
SESSION = """
import os, tempfile, ray
from mubench.run.tune.cluster import ClusterConfig, connected

def where():
    return os.getpid(), tempfile.gettempdir()

with connected(ClusterConfig(cpus=1)):
    print(ray._private.worker._global_node.get_session_dir_path())
    print(*ray.get(ray.remote(where).remote()))
"""


def test_a_session_starts_in_spite_of_them_and_leaves_nothing(tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    names = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "RAY_grpc_enable_http_proxy")
    hindered = dict.fromkeys(names, PROXY) | {
        "RAY_grpc_enable_http_proxy": "1",
        "TMPDIR": str(long),
        "HOME": "/proc/none",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    kept = {name: value for name, value in os.environ.items() if name.lower() != "no_proxy"}
    ran = subprocess.run(
        [sys.executable, "-c", SESSION],
        env=kept | hindered,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    session, worker = ran.stdout.splitlines()[-2:]
    folder = Path(session).parent
    assert worker.split()[1] == str(folder)  # what a worker leaves goes with the session
    assert folder.parent.name.startswith("mubench-")
    assert not folder.parent.exists()
    assert not list(long.iterdir())
