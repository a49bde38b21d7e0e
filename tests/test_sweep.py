"""Plans on a real Ray: results do not depend on workers, and whatever breaks breaks cleanly."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import ray
from sweep_world import all_values, write

from mubench.errors import StoreError
from mubench.opened import open_sweep
from mubench.store.store import Store
from mubench.sweep import run as running
from mubench.sweep.actor import StepActor
from mubench.sweep.cluster import Where, connected
from mubench.sweep.noop import NoopActor
from mubench.sweep.run import RETRIES, run_plan

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("default"),  # Ray leaves sockets and files open; that is its affair
]


class Quiet:
    """Nobody watches; what finished is kept in its order."""

    def __init__(self):
        self.finished_kinds = []

    def start(self, walk):
        pass

    def started(self, step):
        pass

    def finished(self, record, walk):
        self.finished_kinds.append(record.kind)


@pytest.fixture(scope="module")
def two_cpus():
    """One Ray for the tests of this file: starting it is what costs."""
    with connected(Where(cpus=2)):
        yield


@pytest.fixture
def one_cpu(two_cpus):
    """Somebody else holds one of the two, so that one step runs at a time."""

    @ray.remote(num_cpus=1)
    class Other:
        def is_here(self):
            return True

    other = Other.remote()
    assert ray.get(other.is_here.remote())
    yield
    ray.kill(other)


@pytest.fixture(scope="module")
def finished(two_cpus, tmp_path_factory):
    """The tiny sweep, run by two workers: folder, records, summary."""
    folder = tmp_path_factory.mktemp("tiny")
    opened = opened_in(folder)
    summary = run_plan(opened.plan, opened.store, Quiet())
    return folder, opened, summary


def opened_in(folder, **changes):
    return open_sweep(write(folder / "tiny.yaml", **changes), str(folder / "store"))


@pytest.mark.slow
def test_a_sweep_runs_end_to_end(finished):
    _, opened, summary = finished
    records = opened.store.records.read()
    assert records.keys() == opened.plan.steps.keys()
    assert {r.status for r in records.values()} == {"ok"}
    assert summary.records == records
    assert summary.ran == len(records) == 10
    assert (summary.blocked, summary.was_interrupted, summary.failures) == (0, False, ())
    for record in records.values():
        if record.kind == "final":
            assert record.metrics["gap"] >= 0
        assert record.threads == 1


@pytest.mark.slow
def test_the_second_run_runs_nothing_and_needs_no_ray(finished, monkeypatch):
    _, opened, summary = finished

    def forbidden(where):
        raise AssertionError("Ray was asked for")

    monkeypatch.setattr(running, "connected", forbidden)
    again = run_plan(opened.plan, Store(opened.store.uri), Quiet())
    assert again.ran == 0
    assert again.records == summary.records


@pytest.mark.slow
def test_one_worker_and_two_give_the_same_values(finished, one_cpu, tmp_path):
    _, _, with_two = finished
    opened = opened_in(tmp_path)
    with_one = run_plan(opened.plan, opened.store, Quiet())
    assert all_values(with_one.records) == all_values(with_two.records)


@pytest.mark.slow
def test_a_method_added_later_runs_only_its_own_steps(finished, tmp_path):
    folder, _, summary = finished
    shutil.copytree(folder / "store", tmp_path / "store")
    more = opened_in(tmp_path, methods={"ft": {"epochs": 1}, "ga": {}})
    added = run_plan(more.plan, more.store, Quiet())
    assert added.records.items() > summary.records.items()
    new = [r for key, r in added.records.items() if key not in summary.records]
    assert {(r.method, r.status) for r in new} == {("ft", "ok")}
    assert added.ran == len(new)


@pytest.mark.slow
def test_a_damaged_reference_is_made_again_with_a_warning_and_never_used(finished, tmp_path):
    """It lay whole in the store when its record was made; then somebody altered its weights."""
    folder, opened, summary = finished
    shutil.copytree(folder / "store", tmp_path / "store")
    damaged = next(
        s for s in opened.plan.steps.values() if s.kind == "train" and s.purpose == "final"
    )
    weights = tmp_path / "store" / "artefacts" / damaged.unlearn_id / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-100:] = np.random.default_rng(0).bytes(100)
    weights.write_bytes(bytes(content))
    more = opened_in(tmp_path, methods={"ft": {"epochs": 1}, "ga": {}})
    with pytest.warns(UserWarning, match=r"weights\.safetensors.*it is made again"):
        again = run_plan(more.plan, more.store, Quiet())
    assert more.store.artefacts.verify(damaged.unlearn_id) is None
    made_again = {k for k, r in summary.records.items() if again.records[k].created != r.created}
    assert made_again == {damaged.id}
    assert all_values(again.records).items() > all_values(summary.records).items()


class Failing(NoopActor):
    """One kind of step raises in the worker, outside of what makes a record of it."""

    @staticmethod
    def kind_of(actor):
        return actor._steps[json.loads(actor.config["due"])["step"]].kind

    def step(self):
        if self.kind_of(self) == "search":
            raise RuntimeError("broken")
        return super().step()


class Dying(NoopActor):
    """The first worker that gets a final step is killed, as the kernel does when memory is out."""

    def step(self):
        mark = Path(os.environ["MUBENCH_TEST_MARK"])
        if Failing.kind_of(self) == "final" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step()


class Unborn(NoopActor):
    """A worker that cannot start."""

    def setup(self, config, **kwargs):
        raise RuntimeError("no such disk")


def test_a_full_disk_ends_the_run_with_one_line_and_loses_nothing(two_cpus, tmp_path, monkeypatch):
    opened = opened_in(tmp_path)
    append, room = opened.store.records.append, iter(range(3))

    def write_while_there_is_room(record):
        if next(room, None) is None:
            raise StoreError("no space left on the disk")
        append(record)

    monkeypatch.setattr(opened.store.records, "append", write_while_there_is_room)
    with pytest.raises(StoreError, match="^no space left on the disk$"):
        run_plan(opened.plan, opened.store, Quiet(), actor=NoopActor)
    kept = Store(opened.store.uri).records.read()
    assert len(kept) == 3
    monkeypatch.undo()
    summary = run_plan(opened.plan, opened.store, Quiet(), actor=NoopActor)
    assert summary.ran == len(opened.plan.steps) - 3
    assert summary.records.items() >= kept.items()


def test_what_raises_outside_of_a_step_is_an_error_and_the_sweep_goes_on(two_cpus, tmp_path):
    opened = opened_in(tmp_path)
    summary = run_plan(opened.plan, opened.store, Quiet(), actor=Failing)
    assert summary.records.keys() == opened.plan.steps.keys()
    assert {r.kind for r in summary.failures} == {"search"}
    tuned = [r for r in summary.records.values() if r.selection == "tuned"]
    assert {r.status for r in tuned} <= {"refused", "ok"}


def test_a_worker_that_cannot_start_leaves_error_records_and_no_hang(two_cpus, tmp_path):
    opened = opened_in(tmp_path)
    summary = run_plan(opened.plan, opened.store, Quiet(), actor=Unborn)
    assert {r.kind for r in summary.failures} == {"train", "retrain"}
    assert all(str(RETRIES + 1) in r.message for r in summary.failures)
    assert summary.blocked == len(opened.plan.steps) - len(summary.records)


def test_a_worker_that_is_killed_is_replaced_and_its_step_runs_again(two_cpus, tmp_path):
    opened = opened_in(tmp_path)
    mark = tmp_path / "killed"

    class Killed(Dying):
        def setup(self, config, **kwargs):
            os.environ["MUBENCH_TEST_MARK"] = str(mark)
            super().setup(config, **kwargs)

    summary = run_plan(opened.plan, opened.store, Quiet(), actor=Killed)
    assert mark.exists()
    assert summary.records.keys() == opened.plan.steps.keys()
    assert {r.status for r in summary.records.values()} == {"ok"}
