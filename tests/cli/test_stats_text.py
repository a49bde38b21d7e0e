"""`mubench stats`: where the time of a sweep went, for people and programs."""

import json

import pytest

from mubench.store.run_log import RunTimes, log_run
from mubench.store.store import Store

RUN = RunTimes("2026-01-02T03:04:05+00:00", 9, 40.0, 2.25, {"starting": 4.0, "working": 12.0})


@pytest.mark.usefixtures("plain_environment")
def test_every_kind_of_step_and_every_run_has_its_seconds(mubench_, copy):
    sweep, store = copy
    log_run(Store(str(store)), "tiny", RUN)
    code, out, _ = mubench_("stats", sweep, "--store", store, "--json")
    found = json.loads(out)
    assert (code, found["name"]) == (0, "tiny")
    assert [(one["kind"], one["steps"]) for one in found["kinds"]] == [
        ("train", 2),
        ("retrain", 3),
        ("search", 2),
        ("final", 3),
    ]
    for one in found["kinds"]:
        assert sum(one["phases"].values()) == pytest.approx(one["seconds"])
        work = "training" if one["kind"].endswith("train") else "unlearning"
        assert one["phases"][work] > 0
        assert {"evaluation", "store"} <= one["phases"].keys() or one["kind"] == "search"
    assert found["runs"] == [
        {
            "began": RUN.began,
            "steps": 9,
            "wall_seconds": 40.0,
            "driver_seconds": 2.25,
            "worker_seconds": {"starting": 4.0, "working": 12.0},
        }
    ]
    _, out, _ = mubench_("stats", sweep, "--store", store)
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.strip()}
    assert lines["seconds"] == ["train", "retrain", "search", "final", "all"]
    assert lines["steps"] == ["2", "3", "2", "3", "10"]
    assert len(lines["training"]) == len(lines["unlearning"]) == len(lines["all"]) == 5
    assert "9 steps in 40.0 s; of 16 s of workers 25 % starting, 75 % working" in " ".join(
        out.split()
    )


@pytest.mark.usefixtures("plain_environment")
def test_a_sweep_that_did_not_run_says_so(mubench_, finished, tmp_path):
    code, out, _ = mubench_("stats", finished / "tiny.yaml", "--store", tmp_path / "new")
    assert (code, out) == (0, "no step has told its times\n")
