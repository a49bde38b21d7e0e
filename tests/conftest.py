"""What all tests share: quiet property tests, one thread, and a small sweep to vary."""

import copy
import os
import sys
from typing import Any

import pytest
import torch
from hypothesis import settings
from sweep_world import finish, write

from mubench.catalogue import plugins
from mubench.cli.main import main
from mubench.report.build import build
from mubench.run.open_sweep import open_sweep

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for processes that tests start

SWEEP: dict[str, Any] = {
    "name": "small",
    "grid": {
        "dataset": [{"name": "digits", "flip_labels": 0.2}],
        "model": ["small_cnn"],
        "forget": [
            {"scenario": "random", "ratio": 0.1},
            {"scenario": "class", "search_classes": [9], "final_classes": [0, 1]},
        ],
    },
    "methods": {"ft": {}, "ga": {}, "ugradsl": {"alpha": [-0.2, -1.0]}},
    "search": {"trials": 3},
    "seeds": {
        "search": {"train": [100], "forget": [100]},
        "final": {"train": [0, 1], "forget": [0, 1]},
    },
    "floor": 1,
}


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
    for name in ("MUBENCH_DATA", "RAY_ADDRESS", "FORCE_COLOR"):
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
        sys.modules.pop(plugin.module, None)


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


def changed(node: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A copy of a sweep with values at `a__b` put in; `...` removes one."""
    node = copy.deepcopy(node)
    for path, value in values.items():
        *parents, last = path.split("__")
        at = node
        for parent in parents:
            at = at.setdefault(parent, {})
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return node
