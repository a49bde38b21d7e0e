"""`mubench mlflow sync` passes a sweep on to the tracking."""

import pytest

from mubench.tracking import sync as tracking

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


@pytest.fixture
def calls(monkeypatch):
    """The arguments of each synchronisation."""
    calls = []

    def sync(plan, store, results, uri, report, *, searches, attempts):
        calls.append((plan.name, store.uri, results.name, uri, report, searches))
        return "3 runs"

    monkeypatch.setattr(tracking, "sync", sync)
    return calls


def test_a_sweep_is_sent_with_its_report_if_one_was_written(copy, calls, mubench_, tmp_path):
    sweep, store = copy
    out = tmp_path / "out"
    command = ("mlflow", "sync", sweep, "--store", store, "--tracking-uri", "sqlite:///x.db")
    assert mubench_(*command, "--out", out)[:2] == (0, "MLflow: 3 runs\n")
    out.mkdir()
    assert mubench_(*command, "--out", out, "--searches")[0] == 0
    expected = ("tiny", str(store), "tiny", "sqlite:///x.db")
    assert calls == [(*expected, None, False), (*expected, out, True)]


def test_the_address_is_the_option_else_the_variable_else_in_the_store(
    copy, calls, mubench_, monkeypatch
):
    sweep, store = copy
    command = ("mlflow", "sync", sweep, "--store", store)
    mubench_(*command)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    mubench_(*command)
    mubench_(*command, "--tracking-uri", "sqlite:///x.db")
    assert [call[3] for call in calls] == [None, "http://mlflow:5000", "sqlite:///x.db"]


@pytest.mark.parametrize("command", [("run",), ("retry",), ("mlflow", "sync")])
def test_help_names_the_variable(mubench_, command):
    assert "MLFLOW_TRACKING_URI" in mubench_(*command, "--help")[1]


def test_a_report_is_made_from_the_store_whatever_the_variable_says(copy, mubench_, monkeypatch):
    sweep, store = copy
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere://")
    assert mubench_("report", sweep, "--store", store, "--out", "out")[0] == 0
    assert "MLFLOW_TRACKING_URI" not in mubench_("report", "--help")[1]


def test_a_busy_server_is_tried_again_and_the_user_is_told(copy, mubench_, monkeypatch):
    from mubench.errors import TrackingBusy

    def sync(*_, attempts, **__):
        answers = iter([TrackingBusy("http://mlflow: overloaded"), "3 runs", "3 runs"])

        def attempt():
            answer = next(answers)
            if isinstance(answer, str):
                return answer
            raise answer

        return attempts.succeed(attempt)

    monkeypatch.setattr(tracking, "sync", sync)
    monkeypatch.setattr("mubench.tracking.attempts.FIRST_PAUSE_SECONDS", 0.0)
    sweep, store = copy
    assert mubench_("mlflow", "sync", sweep, "--store", store)[:2] == (
        0,
        "MLflow: http://mlflow: overloaded; trying again for 120 s\nMLflow: 3 runs\n",
    )
