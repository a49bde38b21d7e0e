"""What all tests share: quiet property tests, one thread, and a small sweep to vary."""

import copy
import sys
from typing import Any

import pytest
import torch
from hypothesis import settings

from mubench.cli.main import main

settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci")
torch.set_num_threads(1)

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


@pytest.fixture
def sweep() -> dict[str, Any]:
    """A sweep as its YAML gives it; every test may change its own copy."""
    return copy.deepcopy(SWEEP)


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
