"""Checkpoints of trainings in a store: when they are made, what ends them, what they cost."""

import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mubench.errors import Interrupted, StoreError
from mubench.run import checkpointer as module
from mubench.run import stop
from mubench.run.checkpointer import StepCheckpointer
from mubench.run.trial import run_step
from mubench.run.workspace import Workspace
from mubench.store.checkpoints import Checkpoints
from mubench.store.store import Store
from tests.support.one_training import EPOCHS, begin, long_training
from tests.support.steps import step_of

STATE = {"model/weight": torch.arange(3.0), "position/step": torch.tensor(7)}
STEP = long_training("retrain")
KINDS = ("train", "retrain")


@pytest.fixture
def store(tmp_path):
    return Store(str(tmp_path / "store"))


@pytest.fixture
def ask_to_stop(monkeypatch):
    return lambda: monkeypatch.setattr(stop, "_requested", True)


@pytest.fixture
def clock(monkeypatch):
    """Seconds that only a test moves."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def every(seconds, step=STEP):
    return replace(step, execution=replace(step.execution, checkpoint_seconds=seconds))


def equal(state, other):
    return state.keys() == other.keys() and all(torch.equal(state[n], other[n]) for n in state)


def test_a_checkpoint_is_due_when_its_interval_is_over_and_not_before(store, clock):
    keeper = StepCheckpointer(store.checkpoints, every(300.0))
    clock[0] += 299
    assert not keeper.is_due()
    clock[0] += 1
    assert keeper.is_due()
    keeper.save(STATE)
    assert not keeper.is_due()
    clock[0] += 300
    assert keeper.is_due()


def test_a_state_is_found_by_the_same_step_alone(store):
    StepCheckpointer(store.checkpoints, STEP).save(STATE)
    assert equal(StepCheckpointer(store.checkpoints, STEP).load(), STATE)
    other_recipe = long_training("retrain", training__learning_rate=0.02)
    for other in (other_recipe, long_training("train"), step_of("retrain")):
        assert StepCheckpointer(store.checkpoints, other).load() is None


def test_a_request_to_stop_keeps_a_state_and_ends_the_training(store, ask_to_stop):
    keeper = StepCheckpointer(store.checkpoints, every(300.0))
    assert not keeper.is_due()
    ask_to_stop()
    assert keeper.is_due()
    with pytest.raises(Interrupted, match=r"^retrain .*: asked to stop; run it again"):
        keeper.save(STATE)
    assert equal(StepCheckpointer(store.checkpoints, STEP).load(), STATE)


def test_a_training_without_checkpoints_stops_too_and_keeps_nothing(store, ask_to_stop, clock):
    keeper = StepCheckpointer(store.checkpoints, every(0.0))
    clock[0] += 1e9
    assert not keeper.is_due()
    ask_to_stop()
    with pytest.raises(Interrupted):
        keeper.save(STATE)
    assert store.checkpoints.ids() == frozenset()


def test_a_checkpoint_that_cannot_be_written_is_a_warning(store, monkeypatch):
    keeper = StepCheckpointer(store.checkpoints, STEP)
    keeper.save(STATE)

    def fail(self, *given):
        raise StoreError("no space left on the disk")

    monkeypatch.setattr(Checkpoints, "save", fail)
    with pytest.warns(UserWarning, match="no checkpoint of retrain .*: no space left on the disk"):
        keeper.save({})
    assert equal(StepCheckpointer(store.checkpoints, STEP).load(), STATE)


def test_seconds_of_all_attempts_add_up_without_those_of_checkpoints(store, monkeypatch):
    """Work of 5 and 7 s, in which a checkpoint takes 100 s and reading it 1000 s."""
    now, save, load = [0.0], Checkpoints.save, Checkpoints.load
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "process_time", lambda: now[0] / 2)

    def work(seconds):
        now[0] += seconds

    def slowly(function, seconds):
        return lambda *given: (work(seconds), function(*given))[1]

    monkeypatch.setattr(Checkpoints, "save", slowly(save, 100))
    monkeypatch.setattr(Checkpoints, "load", slowly(load, 1000))
    first = StepCheckpointer(store.checkpoints, STEP)
    work(5)
    first.save(STATE)
    work(3)  # this is lost, and made again
    second = StepCheckpointer(store.checkpoints, STEP)
    work(1)  # a new model
    second.load()
    work(6)
    cost = second.cost()
    assert (cost.wall_seconds, cost.rte_seconds) == (12.0, 6.0)


def cut(store, step, monkeypatch, after):
    """Run a step until it was asked to stop after some of its training steps."""
    asked = []

    def is_requested():
        asked.append(1)
        return len(asked) >= after

    monkeypatch.setattr(module, "is_stop_requested", is_requested)
    with pytest.raises(Interrupted):
        run_step(step, Workspace(store))
    monkeypatch.setattr(module, "is_stop_requested", lambda: False)


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    """The store and the record of each kind of training, undisturbed."""
    found = {}
    for kind in KINDS:
        store = Store(str(tmp_path_factory.mktemp(kind)))
        found[kind] = (store, run_step(long_training(kind), Workspace(store)))
    return found


def assert_equals_uncut(store, uncut, kind):
    """All arrays of a training are those of the undisturbed one, and no checkpoint is left."""
    other, _ = uncut[kind]
    key = long_training(kind).unlearn_id
    parts = sorted(Path(name).stem for name in store.files.list(f"artefacts/{key}", "tensors"))
    assert {"weights", "test", "validation"} < set(parts)
    for part in parts:
        found, expected = (each.artefacts.load(key, part) for each in (store, other))
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert store.checkpoints.ids() == frozenset()


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_is_asked_to_stop_is_not_done_and_goes_on(store, uncut, kind, monkeypatch):
    step = every(300.0, long_training(kind))
    cut(store, step, monkeypatch, after=40)
    assert store.artefacts.ids() == frozenset()
    [kept] = [store.checkpoints.load(key).arrays for key in store.checkpoints.ids()]
    assert 1 <= kept["position/step"] <= 40
    cut(store, step, monkeypatch, after=60)
    record = run_step(step, Workspace(store))
    assert record.status == "ok"
    assert_equals_uncut(store, uncut, kind)
    measured = {"rte_seconds", "wall_seconds"}
    expected = uncut[kind][1].metrics
    assert record.metrics.keys() == expected.keys()
    assert all(record.metrics[n] == expected[n] for n in expected.keys() - measured)
    if kind == "retrain":
        assert record.metrics["forward_examples"] == EPOCHS * record.n_retain


@pytest.mark.parametrize("how", ["damaged", "of another format"])
def test_a_checkpoint_that_cannot_be_used_is_passed_over(store, uncut, monkeypatch, how):
    step = every(300.0)
    cut(store, step, monkeypatch, after=40)
    name = f"checkpoints/{step.unlearn_id}/state.safetensors"
    content = store.files.read(name)
    changed = (
        content[:-1] if how == "damaged" else content.replace(b'format\\": 1', b'format\\": 9')
    )
    assert changed != content
    store.files.write(name, changed)
    with pytest.warns(UserWarning, match=f"{name}: .*; the training begins again"):
        assert run_step(step, Workspace(store)).status == "ok"
    assert_equals_uncut(store, uncut, "retrain")


def test_a_recipe_that_diverges_leaves_no_checkpoint(store):
    step = long_training("retrain", training__learning_rate=1e12, checkpoint=1e-6)
    record = run_step(step, Workspace(store))
    assert record.status == "error"
    assert "the training recipe diverged" in record.message
    assert store.checkpoints.ids() == frozenset()


def test_a_training_past_its_time_goes_on_when_it_is_run_again(store, uncut, monkeypatch):
    save, saved = Checkpoints.save, []

    def hang(self, *given):
        save(self, *given)
        saved.append(1)
        if len(saved) == 50:
            time.sleep(600)

    monkeypatch.setattr(Checkpoints, "save", hang)
    step = every(1e-6)
    short = replace(step, execution=replace(step.execution, limit_seconds=2))
    workspace = Workspace(store)
    _ = workspace.open(short).retain  # what is loaded takes no time
    assert run_step(short, workspace).status == "timed_out"
    assert store.checkpoints.ids() == {STEP.unlearn_id}
    assert run_step(every(300.0), Workspace(store)).status == "ok"
    assert_equals_uncut(store, uncut, "retrain")


def until_there_is_one(store, process):
    deadline = time.monotonic() + 120
    while not store.checkpoints.ids():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_command_finishes_a_training_that_is_killed_again_and_again(store, uncut, kind):
    for _ in range(3):
        process = begin(store.uri, kind)
        until_there_is_one(store, process)
        time.sleep(0.1 * random.random())
        process.kill()
        process.communicate()
    output, _ = (process := begin(store.uri, kind)).communicate(timeout=120)
    assert process.returncode == 0, output
    assert_equals_uncut(store, uncut, kind)


@pytest.mark.slow
def test_sigterm_keeps_a_checkpoint_and_the_same_command_goes_on(store, uncut):
    process = begin(store.uri, "retrain")
    until_there_is_one(store, process)
    process.terminate()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 143, output
    assert "asked to stop; run it again to go on" in output
    assert store.checkpoints.ids() == {STEP.unlearn_id}
    output, _ = (process := begin(store.uri, "retrain")).communicate(timeout=120)
    assert process.returncode == 0, output
    assert_equals_uncut(store, uncut, "retrain")
