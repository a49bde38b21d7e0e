"""Reaching MLflow: default address, silence, a dead server."""

import os
import pickle
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mubench.errors import TrackingError
from mubench.tracking.client import default_uri
from mubench.tracking.sync import sync
from tests.support.tracked_world import World

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


def test_a_dead_server_gives_one_line_that_says_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    world.record()
    for name in [name for name in os.environ if name.startswith("MLFLOW_HTTP")]:
        monkeypatch.delenv(name)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}"
    before = dict(os.environ)
    with pytest.raises(TrackingError) as caught:
        sync(world.plan, world.store, world.outline, uri, None)
    address, _, advice = str(caught.value).partition("; ")
    assert re.fullmatch(rf"{re.escape(uri)}: \[Errno \d+\] Connection refused", address)
    assert advice == (
        "the records are safe in the store; run 'mubench mlflow sync quickstart' later"
    )
    assert dict(os.environ) == before


def test_the_default_address_is_in_the_store_or_below_mubench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    assert default_uri("runs") == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert default_uri(f"file://{tmp_path}/runs") == f"sqlite:///{tmp_path}/runs/mlflow.db"
    assert default_uri("s3://bucket/runs") == f"sqlite:///{tmp_path}/.mubench/mlflow.db"


def test_importing_tracking_loads_no_mlflow_torch_or_ray():
    code = (
        "import sys, mubench.tracking.sync, mubench.tracking.background;"
        "import mubench.tracking.artifacts;"
        "print({'mlflow', 'torch', 'ray', 'optuna'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


@pytest.mark.slow
def test_mlflow_is_silent_even_when_it_lays_out_a_database(world: World, tmp_path: Path):
    world.record()
    world.database.unlink()
    plan = tmp_path / "plan"
    plan.write_bytes(pickle.dumps((world.plan, world.outline)))
    code = (
        "import pickle, sys; from mubench.tracking.sync import sync;"
        "from mubench.store.store import Store;"
        "plan, outline = pickle.load(open(sys.argv[1], 'rb'));"
        "sync(plan, Store(sys.argv[2]), outline, None, None)"
    )
    command = [sys.executable, "-c", code, str(plan), world.store.uri]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ran.stdout, ran.stderr) == ("", "")
