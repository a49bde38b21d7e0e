"""What all tests share: quiet property tests, one thread, and a small sweep to vary."""

import copy
import os
import shutil
import sys
from typing import Any

import pytest
import torch
from hypothesis import settings

from mubench.catalogue import plugins
from mubench.cli.main import main
from mubench.leaderboard.rows_from_results import rows_from_results
from mubench.report.build import build
from mubench.run.open_sweep import open_sweep
from mubench.store.store import Store
from tests.support.board import source
from tests.support.s3_server import start_s3_server
from tests.support.small_sweep import SWEEP
from tests.support.sweep_world import finish, write

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("fuzz", derandomize=False, deadline=None, max_examples=5000)
settings.load_profile("ci")
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for processes that tests start
# Ray decides once a process whether it shows a token: all sessions of the tests have one.
os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="0123456789abcdef" * 4)


def pytest_collection_modifyitems(items):
    """Files with slow tests come first, so that no worker ends with one; `gpu` tests may skip."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


@pytest.fixture
def sweep() -> dict[str, Any]:
    """A sweep as its YAML gives it; every test may change its own copy."""
    return copy.deepcopy(SWEEP)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The tiny sweep, run without Ray: its file, its store and a report. Nobody changes it."""
    folder = tmp_path_factory.mktemp("finished")
    opened = open_sweep(write(folder / "tiny.yaml"), str(folder / "store"))
    finish(opened)
    build(opened.source, folder / "report")
    return folder


@pytest.fixture
def plain_environment(monkeypatch, tmp_path):
    """No variable of the person who runs the tests counts, and files go where nobody looks."""
    for name in ("MUBENCH_DATA", "RAY_ADDRESS", "MLFLOW_TRACKING_URI", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def cache_dir(monkeypatch, tmp_path):
    """A cache of decoded data for one test, and no folder of data."""
    monkeypatch.setenv("MUBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MUBENCH_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def no_plugins(monkeypatch):
    """There are no plug-ins but those that a test adds, and they go with it."""
    monkeypatch.setattr(plugins, "_added", {})
    yield
    for plugin in plugins.added():
        for module in (plugin.module, *(each.module for each in plugin.neighbours)):
            sys.modules.pop(module, None)


@pytest.fixture
def mubench_(monkeypatch, capsys):
    """Run the command line in this process: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["mubench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


@pytest.fixture(scope="session")
def board_rows():
    return rows_from_results(source())


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """A real S3 server; tests that need one are skipped where it is not installed."""
    server = start_s3_server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def s3_uri(s3_server, monkeypatch):
    """The URI of a new store in a bucket of its own, with the environment that opens it."""
    for name, value in s3_server.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return f"s3://{s3_server.make_bucket()}/lab/store"


@pytest.fixture
def store(finished, tmp_path):
    shutil.copytree(finished / "store", tmp_path / "store")
    return Store(str(tmp_path / "store"))


@pytest.fixture
def copied_store(finished, tmp_path, monkeypatch):
    """A store to spoil, with the terminal wide and no data folder of the person who runs tests."""
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("MUBENCH_DATA", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    shutil.copytree(finished / "store", tmp_path / "store")
    return Store(str(tmp_path / "store"))
