"""The writer and the follower: processes beside a sweep."""

import json
import os
import pickle
import sys
from pathlib import Path

import pytest

from mubench.errors import TrackingBusy, TrackingError
from mubench.tracking import background
from mubench.tracking.attempts import Attempts
from mubench.tracking.background import Writer
from tests.support.tracked_world import World, record_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow")


def test_the_follower_syncs_while_the_sweep_runs_and_when_it_ends(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    """The loop, in this process: standard input is a pipe, its line comes after the first pass."""
    steps = list(world.plan.steps.values())
    world.store.records.append(record_of(steps[0]))
    job = background.SyncJob(world.plan, world.store.uri, world.outline, None, False, 0.01, 0.01)
    path = tmp_path / "job"
    path.write_bytes(pickle.dumps(job))
    reading, writing = os.pipe()
    seen = []

    def one_pass(of: background.SyncJob) -> float:
        seen.append(real(of))
        seen.append(world.runs()["quickstart"].info.status)
        world.record()
        os.write(writing, b"null\n")
        return 0.0

    real = background._pass
    monkeypatch.setattr(background, "_pass", one_pass)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        background.follow(path)
    os.close(writing)
    assert seen[1] == "RUNNING"
    answer = json.loads(capsys.readouterr().out)
    assert not answer["error"]
    assert world.runs()["quickstart"].info.status == "FINISHED"


def test_the_follower_is_told_to_catch_up_while_the_report_is_written(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    world.record()
    job = background.SyncJob(world.plan, world.store.uri, world.outline, None, False)
    path = tmp_path / "job"
    path.write_bytes(pickle.dumps(job))
    reading, writing = os.pipe()
    os.write(writing, background._NOW.encode())

    def one_pass(of: background.SyncJob) -> float:
        took = real(of)
        os.write(writing, b"null\n")  # the report is there only now
        return took

    real = background._pass
    monkeypatch.setattr(background, "_pass", one_pass)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    with os.fdopen(reading) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        background.follow(path)
    os.close(writing)
    answer = json.loads(capsys.readouterr().out)
    assert not answer["error"]
    assert answer["text"].startswith("21 runs in ")  # all was sent before


def test_a_busy_server_delays_no_pass_and_the_last_one_waits_for_it(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    from mubench.tracking import sync as syncing

    patience = []

    def busy(*_: object, attempts: Attempts, **__: object) -> None:
        patience.append(attempts._patience)
        raise TrackingBusy("http://mlflow: overloaded")

    monkeypatch.setattr(syncing, "sync", busy)
    job = background.SyncJob(world.plan, world.store.uri, world.outline, None, False)
    assert background._pass(job) < 1.0
    answer = json.loads(background._last_pass(job, None))
    assert answer == {"error": True, "text": "http://mlflow: overloaded"}
    assert patience == [0.0, background.BUSY_SECONDS]


@pytest.mark.slow
def test_the_writer_is_a_process_whose_troubles_are_one_line(world: World):
    world.record()
    with Writer(world.plan, world.store, world.outline, None) as writer:
        writer.catch_up()
        assert writer.finish(None).startswith("21 runs in ")
    assert world.runs()["quickstart"].info.status == "FINISHED"
    with (
        Writer(world.plan, world.store, world.outline, None) as writer,
        pytest.raises(TrackingError, match="not done after 0 s; the records are safe"),
    ):
        writer.finish(None, patience=0.01)
    with Writer(world.plan, world.store, world.outline, None) as writer:
        writer._process.kill()
        writer._process.wait()
        writer.catch_up()
        with pytest.raises(TrackingError, match="ended early"):
            writer.finish(None)
