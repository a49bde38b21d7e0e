"""Plans on a real Ray: results do not depend on workers, and whatever breaks breaks cleanly."""

import json
import os
import shutil
import signal
import sys
import time

import numpy as np
import pytest
import ray
from ray import cloudpickle

from mubench.errors import RunError, StoreError
from mubench.run.open_sweep import open_sweep
from mubench.run.tune import run_plan as running
from mubench.run.tune.resume import usable_records
from mubench.run.tune.run_plan import run_plan
from mubench.run.tune.worker import Worker
from mubench.store.store import Store
from mubench.sweep.planner import make_plan
from tests.support.noop_worker import NoopWorker
from tests.support.quiet_progress import Quiet
from tests.support.sweep_world import all_values, finish, write

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.filterwarnings("default")]


cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not find this file

PATIENCE = 120.0
"""Seconds after which a step waits in vain for others that should run beside it."""


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


def test_a_sweep_runs_end_to_end(finished):
    _, opened, summary = finished
    records = opened.store.records.read()
    assert records.keys() == opened.plan.steps.keys()
    assert {r.status for r in records.values()} == {"ok"}
    assert summary.records == records
    assert summary.ran == len(records) == 10
    assert (summary.blocked, summary.interrupted_by, summary.failures) == (0, None, ())
    for record in records.values():
        if record.kind == "final":
            assert record.metrics["gap"] >= 0
        assert record.threads == 1


class Light(Worker):
    """Notes what its process had loaded when it started."""

    def setup(self, config, job=None):
        self.had_torch = "torch" in sys.modules
        super().setup(config, job)

    def run_step(self, ready):
        from mubench.run.step_result import StepResult, make_record

        metrics = {"objective": 0.5, "had_torch": float(self.had_torch)}
        candidate = ready.candidate
        result = StepResult(metrics=metrics, params=candidate.params, candidate=candidate.number)
        return make_record(ready.step, result, 0.0)


def test_a_run_tells_what_its_workers_did(finished):
    """They worked for at least as long as the steps say; the first of each also loaded code."""
    _, _, summary = finished
    records, times = summary.records.values(), summary.times
    assert times.steps == len(records)
    assert times.worker_seconds["working"] >= sum(record.seconds for record in records)
    assert times.worker_seconds["starting"] > 0
    assert sum(times.worker_seconds.values()) <= 2 * times.wall_seconds + 1
    assert times.driver_seconds > 0
    assert 1 <= sum(record.phases["import"] > 0.5 for record in records) <= 2
    for record in records:
        inside = sum(record.phases.values()) - record.phases["import"]
        assert 0 < inside <= record.seconds


def test_a_worker_starts_without_torch(two_cpus, tmp_path):
    """Whatever Tune pickles for it may name no module of the driver's."""
    opened = opened_in(tmp_path)
    summary = run_plan(opened.plan, opened.store, Quiet(), worker=Light)
    assert {record.metrics["had_torch"] for record in summary.records.values()} == {0.0}


def test_the_second_run_runs_nothing_and_needs_no_ray(finished, monkeypatch):
    _, opened, summary = finished

    def forbidden(where):
        raise AssertionError("Ray was asked for")

    monkeypatch.setattr(running, "connected", forbidden)
    again = run_plan(opened.plan, Store(opened.store.uri), Quiet())
    assert again.ran == 0
    assert again.records == summary.records


def test_one_worker_and_two_give_the_same_values(finished, one_cpu, tmp_path):
    _, _, with_two = finished
    opened = opened_in(tmp_path)
    with_one = run_plan(opened.plan, opened.store, Quiet())
    assert all_values(with_one.records) == all_values(with_two.records)


def test_no_ray_at_all_gives_the_same_values(finished, tmp_path):
    _, _, with_two = finished
    assert all_values(finish(opened_in(tmp_path))) == all_values(with_two.records)


def test_a_method_added_later_runs_only_its_own_steps(finished, tmp_path):
    folder, _, summary = finished
    shutil.copytree(folder / "store", tmp_path / "store")
    added = finish(opened_in(tmp_path, methods={"ft": {"epochs": 1}, "ga": {}}))
    assert added.items() > summary.records.items()
    new = [r for key, r in added.items() if key not in summary.records]
    assert {(r.method, r.status) for r in new} == {("ft", "ok")}


def test_steps_that_are_only_refused_are_recorded_too(finished, tmp_path):
    """Nothing is left but a method that cannot do what is asked."""
    folder, _, summary = finished
    shutil.copytree(folder / "store", tmp_path / "store")
    opened = opened_in(tmp_path, methods={"ga": {}, "boundary_shrink": {}})
    again = run_plan(opened.plan, opened.store, Quiet())
    new = [r for key, r in again.records.items() if key not in summary.records]
    assert {(r.method, r.status) for r in new} == {("boundary_shrink", "refused")}


def test_a_damaged_reference_is_made_again_with_a_warning_and_never_used(finished, tmp_path):
    """It lay whole in the store when its record was made; then somebody altered its weights."""
    folder, opened, summary = finished
    shutil.copytree(folder / "store", tmp_path / "store")
    damaged = next(
        s for s in opened.plan.steps.values() if s.kind == "train" and s.training.purpose == "final"
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
    assert again.ran == 1 + len(again.records) - len(summary.records)
    assert all_values(again.records).items() > all_values(summary.records).items()


class Storing(NoopWorker):
    """Does nothing, and leaves a folder in the store as a real step does."""

    def run_step(self, ready):
        Store(self._job.store_uri).artefacts.save(ready.step.unlearn_id, {})
        return super().run_step(ready)


def test_a_full_disk_ends_the_run_with_one_line_and_loses_nothing(two_cpus, tmp_path, monkeypatch):
    opened = opened_in(tmp_path)
    append, room = opened.store.records.append, iter(range(3))

    def write_while_there_is_room(*records):
        if next(room, None) is None:
            raise StoreError("no space left on the disk")
        append(*records)

    monkeypatch.setattr(opened.store.records, "append", write_while_there_is_room)
    with pytest.raises(StoreError, match=r"^no space left on the disk$"):
        run_plan(opened.plan, opened.store, Quiet(), worker=Storing)
    kept = Store(opened.store.uri).records.read()
    assert [r.status for r in kept.values()] == ["ok"] * 3
    assert usable_records(opened.plan, Store(opened.store.uri)) == kept


def test_workers_that_cannot_start_end_the_run_in_one_line(two_cpus, tmp_path):
    class Unborn(NoopWorker):
        def setup(self, config, **kwargs):
            raise RuntimeError("no such disk")

    opened = opened_in(tmp_path)
    with pytest.raises(RunError, match=r"^\d workers in a row could not start: .*no such disk$"):
        run_plan(opened.plan, opened.store, Quiet(), worker=Unborn)
    assert not opened.store.records.read()


def test_a_worker_that_is_killed_is_replaced_and_its_step_runs_again(two_cpus, tmp_path):
    """As the kernel does when memory is out, or a spot machine goes."""
    mark = tmp_path / "killed"

    class Dying(Storing):
        def run_step(self, ready):
            if ready.step.kind == "final" and not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().run_step(ready)

    opened = opened_in(tmp_path)
    summary = run_plan(opened.plan, opened.store, Quiet(), worker=Dying)
    assert mark.exists()
    assert summary.records.keys() == opened.plan.steps.keys()
    assert {r.status for r in summary.records.values()} == {"ok"}


def test_steps_share_gpus_and_workers_and_run_in_order(two_cpus, tmp_path):
    """Two GPUs that exist only for Ray: searches take half of one, everything else a whole one."""
    log = tmp_path / "log"
    log.mkdir()
    at_once = {"train": 2, "search": 4}

    class Noting(Storing):
        def run_step(self, ready):
            """Waits until as many steps of its kind have begun as must run at once."""
            step = ready.step
            note = {"kind": step.kind, "share": step.execution.resources.gpu, "pid": os.getpid()}
            note |= {"gpus": list(map(str, ray.get_gpu_ids())), "begin": time.monotonic()}
            (log / f"{step.kind}-{step.id}").touch()
            deadline = time.monotonic() + PATIENCE
            while len(list(log.glob(f"{step.kind}-*"))) < at_once.get(step.kind, 1):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"too few steps of kind {step.kind} run at once")
                time.sleep(0.05)
            record = super().run_step(ready)
            note["end"] = time.monotonic()
            (log / f"{step.id}.json").write_text(json.dumps(note))
            return record

    whole, half = {"cpu": 0.25, "gpu": 1}, {"cpu": 0.25, "gpu": 0.5}
    opened = opened_in(
        tmp_path,
        methods={"ga": {}, "ft": {}},
        search={"trials": 12, "lag": 4},
        resources={"train": whole, "search": half, "final": whole},
    )
    plan = make_plan(opened.loaded.spec, "cuda")
    progress = Quiet()
    summary = run_plan(plan, opened.store, progress, worker=Noting)
    assert {r.status for r in summary.records.values()} == {"ok"}
    notes = [json.loads(path.read_text()) for path in log.glob("*.json")]
    assert len(notes) == len(plan.steps)
    for moment in (note["begin"] for note in notes):
        running_then = [n for n in notes if n["begin"] <= moment < n["end"]]
        for gpu in ("0", "1"):
            assert sum(n["share"] for n in running_then if n["gpus"] == [gpu]) <= 1
    assert {tuple(n["gpus"]) for n in notes} == {("0",), ("1",)}
    searches = [n for n in notes if n["kind"] == "search"]
    assert len({n["pid"] for n in searches}) <= len(searches) / 3
    assert set(progress.kinds[:2]) <= {"train", "retrain"}
    assert progress.kinds[-1] == "final"
