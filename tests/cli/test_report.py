"""`mubench report` and `mubench score` from a store."""

import subprocess
import sys
from pathlib import Path

import pytest

from mubench.metrics.post_hoc import POST_HOC
from mubench.store.results_files import read_results


@pytest.mark.usefixtures("plain_environment")
def test_report_from_the_store(mubench_, finished, tmp_path):
    code, out, _ = mubench_(
        "report", finished / "tiny.yaml", "--store", finished / "store", "--out", tmp_path / "out"
    )
    assert (code, out) == (0, f"report: {tmp_path / 'out' / 'index.html'}\n")
    assert "<h1>" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.usefixtures("plain_environment", "no_plugins")
def test_the_command_needs_neither_plan_nor_torch(store, finished):
    """By the sweep's name or by its file; other processes' imports are theirs."""
    code = (
        "import sys; from mubench.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end\n"
        "print([n for n in ('torch', 'ray', 'mlflow', 'optuna') if n in sys.modules])"
    )
    arguments = ["score", str(finished / "tiny.yaml"), "--store", store.uri]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    *lines, loaded = done.stdout.splitlines()
    assert loaded == "[]", done.stderr
    assert lines[0] == "rmia_auc: 5 records, 5 new"
    assert [line.partition(":")[0] for line in lines] == list(POST_HOC)
    assert read_results(store, "tiny").examples is not None


@pytest.mark.usefixtures("plain_environment", "no_plugins")
def test_the_command_refuses_what_it_does_not_know_in_one_line(store, mubench_):
    for metric, hint in (
        ("rmia_au", "metric rmia_au: unknown; did you mean 'rmia_auc'?"),
        ("kl_forget", "metric kl_forget: sweeps already record it"),
    ):
        code, _, err = mubench_("score", "tiny", "--store", store.uri, "--metric", metric)
        assert (code, err) == (2, f"mubench: {hint}\n")
    code, _, err = mubench_("score", "tyni", "--store", store.uri)
    assert (code, err.count("\n")) == (2, 1)
    assert "no sweep 'tyni' was run here; there are: tiny" in err
    code, _, err = mubench_("score", "nowhere.yaml", "--store", store.uri)
    assert (code, err) == (2, "mubench: nowhere.yaml: no such sweep file\n")
    Path("list.yaml").write_text("[1, 2]")
    code, _, err = mubench_("score", "list.yaml", "--store", store.uri)
    assert (code, err) == (2, "mubench: list.yaml: not a sweep file: it says no name\n")
    code, _, err = mubench_("score", "tiny", "--store", "elsewhere")
    assert (code, err) == (2, "mubench: elsewhere: no store found; give another --store\n")
