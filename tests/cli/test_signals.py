"""A signal at any moment ends the program without a traceback, with the exit code of the signal."""

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.sweep_world import write

ROOT = Path(__file__).parents[2]
SLOW = "import sys, time\nprint('importing', flush=True)\ntime.sleep(120)\n"


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("module", ["typer", "yaml", "ray"])
def test_a_signal_while_python_imports_is_a_clean_end(
    tmp_path: Path, module: str, signum: int, code: int
):
    """The module stands for one that takes its time: of the command line, a command, a run."""
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / f"{module}.py").write_text(SLOW)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    paths = [str(tmp_path / "slow"), str(ROOT), *sys.path]
    sweep = write(tmp_path / "tiny.yaml")
    process = subprocess.Popen(
        [sys.executable, "-m", "mubench", "run", sweep, "--store", str(tmp_path / "store")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    while (line := process.stdout.readline()) != "importing\n":
        assert line or process.poll() is None, process.communicate()
    process.send_signal(signum)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == code, (output, errors)
    assert "Traceback" not in output + errors
    assert errors.count("\n") <= 1
    assert not list(temporary.iterdir())


def test_both_ways_to_begin_are_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"mubench": "mubench.__main__:main"}
