"""The log of a sweep's runs: added to, and never in the way."""

import pytest

from mubench.store.run_log import RUNS, RunTimes, log_run, logged_runs
from mubench.store.store import Store

FIRST = RunTimes("2026-01-02T03:04:05+00:00", 7, 12.5, 2.25, {"working": 20.0, "waiting": 5.0})
SECOND = RunTimes("2026-01-03T03:04:05+00:00", 0, 0.5, 0.25, {})


def test_runs_are_added_and_come_back(tmp_path):
    store = Store(str(tmp_path))
    assert logged_runs(store, "tiny") == ()
    log_run(store, "tiny", FIRST)
    log_run(store, "tiny", SECOND)
    assert logged_runs(Store(str(tmp_path)), "tiny") == (FIRST, SECOND)
    assert logged_runs(store, "other") == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"nothing"])
def test_a_damaged_log_is_begun_anew(tmp_path, content):
    store = Store(str(tmp_path))
    store.save_sweep_file("tiny", RUNS, content)
    assert logged_runs(store, "tiny") == ()
    log_run(store, "tiny", FIRST)
    assert logged_runs(store, "tiny") == (FIRST,)
