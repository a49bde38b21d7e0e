"""Two workers share one real GPU."""

import json
import os
import sys
import time

import pytest
from ray import cloudpickle

from mubench.run.open_sweep import open_sweep
from mubench.run.tune.cluster import ClusterConfig
from mubench.run.tune.run_plan import run_plan
from mubench.run.tune.worker import Worker
from mubench.sweep.planner import make_plan
from tests.support.quiet_progress import Quiet
from tests.support.sweep_world import write

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),
]
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not find this file


def test_two_workers_share_one_gpu(tmp_path, monkeypatch):
    log = tmp_path / "log"
    log.mkdir()

    class Noting(Worker):
        def run_step(self, ready):
            note = {"pid": os.getpid(), "begin": time.time()}
            record = super().run_step(ready)
            note["end"] = time.time()
            (log / f"{ready.step.id}.json").write_text(json.dumps(note))
            return record

    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    half = {"cpu": 1, "gpu": 0.5}
    changes = {"resources": {kind: half.copy() for kind in ("train", "search", "final")}}
    path = write(tmp_path / "tiny.yaml", search={"trials": 8}, **changes)
    opened = open_sweep(path, str(tmp_path / "store"))
    plan = make_plan(opened.loaded.spec, "cuda")
    one_gpu = ClusterConfig(cpus=2, gpus=1)
    summary = run_plan(plan, opened.store, Quiet(), cluster=one_gpu, worker=Noting)
    assert {record.status for record in summary.records.values()} == {"ok"}
    assert not any(record.exclusive for record in summary.records.values())
    notes = [json.loads(file.read_text()) for file in log.glob("*.json")]
    assert len({note["pid"] for note in notes}) == 2
    pairs = [(a, b) for a in notes for b in notes if a["pid"] < b["pid"]]
    assert any(a["begin"] < b["end"] and b["begin"] < a["end"] for a, b in pairs)
