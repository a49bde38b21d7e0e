"""What the commands are tried on: a sweep to spoil, a new method."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def copy(finished, tmp_path):
    """A finished sweep to spoil: its file and its store."""
    shutil.copytree(finished, tmp_path / "copy")
    return tmp_path / "copy" / "tiny.yaml", tmp_path / "copy" / "store"


@pytest.fixture
def my_method(mubench_, no_plugins):
    """A new method as `mubench new method` writes it, in the working folder."""
    code, out, _ = mubench_("new", "method", "my_method")
    assert (code, out) == (
        0,
        "wrote my_method.py and my_method.yaml\nnext: mubench check my_method.py\n",
    )
    return Path("my_method.py"), Path("my_method.yaml")
