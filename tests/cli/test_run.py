"""`mubench run`, `status` and `retry`: what is refused, what fails, how a run ends."""

import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mubench.errors import StoreError
from mubench.run.open_sweep import open_sweep
from mubench.run.tune import run_plan as running
from mubench.run.tune.resume import Summary, outdated_steps
from mubench.store.run_log import RunTimes, logged_runs
from mubench.store.store import Store
from mubench.sweep import step_ids
from tests.support.command_line import only_line
from tests.support.sweep_world import finish, values

pytestmark = pytest.mark.usefixtures("plain_environment")


TIMES = RunTimes("2026-01-02T03:04:05+00:00", 1, 40.0, 2.25, {"working": 12.0})


def with_failure(store):
    """Turn one finished step into one that failed."""
    opened = Store(str(store))
    victim = next(r for r in opened.records.read().values() if r.selection == "default")
    late = "2999-01-01T00:00:00.000+00:00"
    failed = replace(victim, status="error", message="it [bold]broke[/bold]", created=late)
    opened.records.append(failed)
    return failed


def test_status_tells_what_failed_in_its_own_words(mubench_, copy):
    sweep, store = copy
    assert mubench_("status", sweep, "--store", store)[:2] == (
        0,
        "tiny: 10 of 10 steps completed\n",
    )
    with_failure(store)
    code, out, _ = mubench_("status", sweep, "--store", store)
    assert code == 0
    assert out.splitlines()[1].startswith("error: final ga (default) digits")
    assert out.splitlines()[1].endswith(": it [bold]broke[/bold]")


def test_a_store_that_another_run_writes_is_refused(mubench_, copy):
    sweep, store = copy
    with Store(str(store)).lock("other"):
        code, _, err = mubench_("run", sweep, "--store", store, "--no-mlflow")
        assert code == 1
        assert "in use by sweep 'other'" in only_line(err)


def test_missing_data_are_told_before_ray_starts(mubench_, monkeypatch):
    def forbidden(where):
        raise AssertionError("Ray was asked for")

    monkeypatch.setattr(running, "connected", forbidden)
    code, out, err = mubench_("run", "cifar10_small", "--store", "store", "--no-mlflow")
    assert (code, out) == (2, "")
    assert "give --data or set MUBENCH_DATA: the folder in which cifar10/ has train*.parquet" in (
        only_line(err)
    )
    code, _, err = mubench_(
        "run", "cifar10_small", "--store", "store", "--data", "d", "--no-mlflow"
    )
    assert code == 2
    assert "d/cifar10: no such folder" in only_line(err)


def test_a_finished_sweep_is_reported_without_ray_and_without_its_data(
    mubench_, finished, tmp_path, monkeypatch
):
    def forbidden(*_):
        raise AssertionError("Ray or the data were asked for")

    monkeypatch.setattr(running, "connected", forbidden)
    monkeypatch.setattr(running, "require_data", forbidden)
    code, out, err = mubench_(
        *("run", finished / "tiny.yaml", "--store", finished / "store"),
        *("--out", tmp_path / "out", "--no-mlflow"),
    )
    assert (code, err) == (0, "")
    assert "tiny: 10 of 10 steps completed, 0 to run" in out
    assert f"report: {tmp_path / 'out' / 'index.html'}" in out
    assert "MLflow: off" in out


def test_failures_make_exit_code_1_after_the_report(mubench_, copy):
    sweep, store = copy
    with_failure(store)
    code, out, _ = mubench_("run", sweep, "--store", store, "--out", "out", "--no-mlflow")
    assert code == 1
    lines = out.splitlines()
    assert lines[-1] == (
        "1 step failed, 0 dependent steps not run; "
        f"run them again with 'mubench retry {sweep} --failed'"
    )
    assert lines[-2].endswith(": it [bold]broke[/bold]")
    assert Path("out/index.html").exists()


def test_retry_runs_failures_again_and_leaves_the_rest(mubench_, copy, monkeypatch):
    sweep, store = copy
    before = Store(str(store)).records.read()
    failed = with_failure(store)
    seen = {}

    def without_ray(plan, store, progress, **options):
        seen.update(options)
        opened = open_sweep(str(sweep), store.uri)
        return Summary(finish(opened), 1, 0, times=TIMES)

    monkeypatch.setattr(running, "run_plan", without_ray)
    code, out, _ = mubench_(
        *("retry", sweep, "--failed", "--store", store, "--out", "out", "--no-mlflow"),
        *("--data", "data"),
    )
    assert code == 0
    assert out.startswith("1 failure forgotten\n")
    assert seen["data_dir"] == "data"
    after = Store(str(store)).records.read()
    assert values(after.pop(failed.id)) == values(before.pop(failed.id))
    assert after == before
    assert logged_runs(Store(str(store)), "tiny") == (TIMES,)


MORE = ("--set", "floor=2")
"""One more Retrain than the finished sweep has: something is left to run."""


def test_an_interrupted_run_ends_with_130_and_without_a_report(mubench_, copy, monkeypatch):
    sweep, store = copy

    def interrupted(*_, **__):
        return Summary({}, 0, 0, signal.SIGINT)

    monkeypatch.setattr(running, "run_plan", interrupted)
    code, out, err = mubench_("run", sweep, "--store", store, *MORE, "--out", "out", "--no-mlflow")
    assert (code, err) == (130, "")
    assert out.startswith("interrupted; the same command continues")
    assert not Path("out").exists()
    with Store(str(store)).lock("next"):
        pass


@pytest.fixture
def other_code(monkeypatch):
    """Code of another version: every id is another."""
    monkeypatch.setattr(step_ids, "source_id", lambda *roots: "other code")


def test_a_run_with_other_code_says_what_is_computed_again(mubench_, copy, other_code, monkeypatch):
    sweep, store = copy

    def interrupted(*_, **__):
        return Summary({}, 0, 0, signal.SIGINT)

    monkeypatch.setattr(running, "run_plan", interrupted)
    arguments = ("run", sweep, "--store", store, *MORE, "--no-mlflow")
    lines = mubench_(*arguments)[1].splitlines()
    assert lines[0] == (
        "tiny: 10 steps completed before code, data, versions or settings changed: ids are new, "
        "and these steps are computed again"
    )
    assert lines[1].startswith("interrupted; ")
    assert mubench_(*arguments)[1].startswith("interrupted; "), "the plan of now is saved by now"


def test_a_run_with_the_same_code_computes_nothing_again(copy):
    sweep, store = copy
    opened = open_sweep(str(sweep), str(store), [MORE[1]])
    assert outdated_steps(opened.plan, opened.store) == 0
    assert outdated_steps(opened.plan, Store(str(store / "new"))) == 0


def test_a_record_has_the_title_of_its_step(finished):
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    titles = {key: record.title for key, record in opened.store.records.read().items()}
    assert titles == {key: step.title for key, step in opened.plan.steps.items()}


@pytest.mark.parametrize(
    "command",
    [
        ("report", "tiny.yaml", "--store", "store"),
        ("score", "tiny", "--store", "store", "--metric", "klom"),
        ("leaderboard", "--store", "store"),
        ("store", "export", "records.csv", "--store", "store"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_store_of_other_code_is_read_as_before(mubench_, copy, other_code, monkeypatch, command):
    monkeypatch.chdir(copy[0].parent)
    code, out, err = mubench_(*command)
    assert (code, err) == (0, "")
    assert out
    if command[0] == "report":
        assert out.startswith("tiny: no records for the current code and sweep; showing the last ")


def test_a_full_disk_is_one_line_and_exit_code_1(mubench_, copy, monkeypatch):
    sweep, store = copy

    def full(*_, **__):
        raise StoreError("no space left on the disk")

    monkeypatch.setattr(running, "run_plan", full)
    code, out, err = mubench_("run", sweep, "--store", store, *MORE, "--no-mlflow")
    assert (code, out) == (1, "")
    assert only_line(err) == "mubench: no space left on the disk"
    with Store(str(store)).lock("next"):
        pass


@pytest.mark.slow
def test_a_tracking_server_that_does_not_answer_is_a_warning(copy, tmp_path):
    sweep, store = copy
    with socket.socket() as nobody:  # bound and not listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        command = [sys.executable, "-m", "mubench", "run", str(sweep), "--store", str(store)]
        done = subprocess.run(
            [*command, "--out", "out", "--tracking-uri", uri],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"warning: {uri}: ")
    assert "the records are safe in the store" in last
