"""The command line as a whole: help, errors in one line, exit codes, a light start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import mubench
from mubench.cli import listing
from mubench.cli.main import main
from mubench.errors import InputError
from tests.support.command_line import only_line

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_help_names_every_command(mubench_):
    code, out, _ = mubench_("--help")
    assert code == 0
    for command in (
        "run",
        "plan",
        "report",
        "list",
        "status",
        "retry",
        "doctor",
        "mlflow",
        "store",
    ):
        assert f" {command} " in out


def test_version(mubench_):
    assert mubench_("--version") == (0, f"{mubench.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["plan", "quikstart"], "did you mean 'quickstart'?"),
        (["run", "quikstart"], "did you mean 'quickstart'?"),
        (["plan", "absent.yaml"], "absent.yaml: no such sweep file"),
        (["plan", "bad.yaml"], "bad.yaml:1:8: not YAML"),
        (["plan", "quickstart", "--set", "grid.model=small_cn"], "did you mean 'small_cnn'?"),
        (["plan", "quickstart", "--set", "floor"], "write key.path=value"),
        (["store", "export", "records.txt"], "end the name in .parquet or .csv"),
        (["store", "verify", "--store", "typo"], "typo: no store found"),
        (["store", "gc", "--store", "typo"], "typo: no store found"),
        (["store", "export", "x.csv", "--store", "typo"], "typo: no store found"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(mubench_, tmp_path, arguments, hint):
    Path("bad.yaml").write_text("grid: [")
    code, out, err = mubench_(*arguments)
    assert (code, out) == (2, "")
    assert hint in only_line(err)
    assert not Path("typo").exists()


def test_debug_shows_where_an_error_came_from(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["mubench", "plan", "--debug", "quikstart"])
    with pytest.raises(InputError, match="no such sweep"):
        main()


def test_ctrl_c_anywhere_ends_with_130(mubench_, monkeypatch):
    def interrupted(kind):
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "entries", interrupted)
    assert mubench_("list", "methods")[0] == 130


def test_the_command_line_starts_without_anything_heavy():
    code = (
        "import sys; import mubench.cli.main\n"
        "heavy = ('torch', 'ray', 'mlflow', 'pyarrow', 'pydantic', 'optuna', 'vl_convert')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_all_letters_is_written_to(encoding):
    code = (
        "from mubench.cli import main as module; module.app = lambda: print('a\\u2014b'); "
        "module.main()"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "a?b\n", "")
