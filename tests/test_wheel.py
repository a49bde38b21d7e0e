"""The wheel plans a built-in sweep from anywhere."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mubench
from mubench.models import recipe

pytestmark = pytest.mark.usefixtures("plain_environment")


@pytest.mark.slow
def test_the_wheel_plans_a_shipped_sweep_from_anywhere(tmp_path):
    root = Path(mubench.__file__).parent.parent
    if not (root / "pyproject.toml").exists():
        pytest.skip("no checkout to build from")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(root)], check=True
    )
    (wheel,) = tmp_path.glob("mubench-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = "import sys, mubench.cli.main as c; print(c.__file__, file=sys.stderr); c.main()"
    for name in ("quickstart", "paper/cifar100_class"):
        done = subprocess.run(
            [sys.executable, "-c", code, "plan", name, "--json"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")},
        )
        assert done.stderr.startswith(str(tmp_path / "installed"))
        assert json.loads(done.stdout)["name"] == name.rpartition("/")[2]
    shipped, ours = (
        tmp_path / "installed" / "mubench" / "cli" / "templates",
        root / "mubench" / "cli" / "templates",
    )
    recipes = tmp_path / "installed" / "mubench" / "models" / "recipes"
    assert {p.name for p in recipes.iterdir()} == {p.name for p in recipe.FOLDER.iterdir()}
    names = ["method.py.txt", "method.yaml.txt"]
    assert [(shipped / n).read_text() for n in names] == [(ours / n).read_text() for n in names]
