"""What a run says and leaves; a real Ctrl-C stops it, and the same call goes on."""

import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from mubench.metrics.blocks import BLOCKS
from mubench.metrics.post_hoc import all_metrics
from mubench.run.open_sweep import open_sweep
from mubench.run.tune import run_plan as running
from mubench.session import complete as session
from mubench.session.complete import Completed, complete, tell_failures
from mubench.session.output import console
from mubench.session.settings import Settings
from mubench.store.store import Store
from tests.support.called_sweep import call, forbidden, run_here
from tests.support.paths import ROOT
from tests.support.sweep_world import all_values, write

pytestmark = pytest.mark.usefixtures("plain_environment")
QUIET = Settings(mlflow=False)


@pytest.fixture
def opened(finished, tmp_path):
    shutil.copytree(finished / "store", tmp_path / "store")
    return open_sweep(str(finished / "tiny.yaml"), str(tmp_path / "store"))


def test_a_finished_sweep_is_reported_and_nothing_runs(opened, monkeypatch, capsys):
    monkeypatch.setattr(running, "run_plan", forbidden)
    ended = complete(opened, QUIET)
    assert ended.page == Path("reports/tiny/index.html")
    assert {record.id for record in ended.results.records} == set(opened.plan.steps)
    assert (ended.failures, ended.blocked, ended.interrupted_by) == ((), 0, None)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "tiny: 10 of 10 steps completed, 0 to run"
    assert lines[-2:] == ["report: reports/tiny/index.html", "MLflow: off"]
    assert any("Retrain vs Retrain" in line for line in lines)


def test_a_notebook_prints_no_table(opened, monkeypatch):
    printed = []

    class Notebook(type(console())):
        def print(self, *parts, **_):
            printed.extend(parts)

    monkeypatch.setattr(session, "console", lambda: Notebook(force_jupyter=True))
    assert complete(opened, QUIET).page is not None
    assert printed == []


def test_an_interrupted_run_has_no_report(opened, monkeypatch):
    monkeypatch.setattr(
        session,
        "_run_missing",
        lambda *_: Completed(None, opened.outline, interrupted_by=signal.SIGTERM),
    )
    ended = complete(opened, QUIET)
    assert (ended.page, ended.interrupted_by) == (None, signal.SIGTERM)
    assert not Path("reports").exists()
    with opened.store.lock("next"):
        pass


def test_no_failure_says_nothing(opened, capsys):
    assert not tell_failures(Completed(None, opened.outline), "retry=True")
    assert capsys.readouterr().out == ""
    assert tell_failures(Completed(None, opened.outline, (), 2), "a word")
    assert capsys.readouterr().out == (
        "0 steps failed, 2 dependent steps not run; run them again with a word\n"
    )


def test_only_words_about_widgets_are_left_out():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with session._without_words_about_widgets():
            warnings.warn("IProgress not found. Please update jupyter", stacklevel=1)
            warnings.warn("other", stacklevel=1)
    assert [str(each.message) for each in told] == ["other"]


CALL = "from tests.support.called_sweep import call; call(store='{}', cpus=1)"


@pytest.mark.slow
@pytest.mark.ray
def test_ctrl_c_stops_a_call_and_the_same_call_goes_on(finished, tmp_path, monkeypatch):
    store = tmp_path / "store"
    process = subprocess.Popen(
        [sys.executable, "-c", CALL.format(store)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not (store.exists() and Store(str(store)).records.read()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGINT, (output, errors)
    assert output.splitlines()[-1] == "interrupted; the same call goes on"
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert not Path("reports").exists()
    before = Store(str(store)).records.read()
    assert 0 < len(before) < 10
    monkeypatch.setattr(running, "run_plan", run_here)
    after = {record.id: record for record in call(store=str(store)).records}
    assert all(after[key] == record for key, record in before.items())
    assert all_values(after) == all_values(Store(str(finished / "store")).records.read())


def test_blocks_of_outputs_are_computed_at_the_end_and_reported(
    opened, tmp_path, monkeypatch, capsys
):
    """Of the same steps: such a block is no part of their ids."""
    monkeypatch.setattr(running, "run_plan", forbidden)
    asked = write(tmp_path / "tiny.yaml", evidence=["relative"])
    again = open_sweep(asked, opened.store.uri)
    assert again.plan.steps.keys() == opened.plan.steps.keys()
    ended = complete(again, QUIET)
    names = BLOCKS["relative"]
    said = capsys.readouterr().out.splitlines()
    assert {line.partition(":")[0] for line in said} >= set(names)
    scored = {name for r in ended.results.records for name in r.metrics if name in names}
    assert scored
    finals = [r for r in ended.results.records if r.kind == "final"]
    page = ended.page.read_text()
    for name in scored:
        assert any(name in r.metrics for r in finals)
        assert f">{all_metrics()[name].title}</th>" in page


def test_without_blocks_of_outputs_nothing_is_scored(opened, monkeypatch):
    monkeypatch.setattr(session, "add_metrics", forbidden)
    assert complete(opened, QUIET).page is not None
