"""`mubench mlflow sync` passes a sweep on to the tracking."""

import pytest

from mubench.tracking import sync as tracking

pytestmark = pytest.mark.usefixtures("plain_environment", "no_plugins")


@pytest.fixture
def calls(monkeypatch):
    """The arguments of each synchronisation."""
    calls = []

    def sync(plan, store, results, uri, report, *, searches):
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
