"""Between Ray Tune and the dispatcher, without Ray's loop."""

import pickle
from types import SimpleNamespace

from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from mubench.run.step_result import StepResult, make_record
from mubench.run.tune.messages import Start
from mubench.run.tune.tune_hooks import StepScheduler, StopWhenOver, WorkerSearcher
from tests.support.dispatch_world import World

STARTED = {"start": Start("a", ()), "records": (), "refusal": ""}


class Actor:
    """Notes the calls that Ray would make."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, method):
        def options(name):
            return SimpleNamespace(remote=lambda value: self.calls.append((method, name, value)))

        return SimpleNamespace(options=options)


def trial(name, error_file=None):
    return SimpleNamespace(
        trial_id=name, temporary_state=SimpleNamespace(ray_actor=Actor()), error_file=error_file
    )


def hooks(world):
    return WorkerSearcher(world.dispatcher), StepScheduler(world.dispatcher)


def test_a_trial_is_a_worker_with_the_share_of_its_steps():
    searcher, _ = hooks(World(cpus=1))
    assert searcher.suggest("one") == {"cpu": 1, "gpu": 0}
    assert searcher.suggest("two") is None


def test_each_result_brings_records_and_gives_the_next_step_by_its_title():
    world = World(cpus=1)
    searcher, scheduler = hooks(world)
    searcher.suggest("one")
    one, result = trial("one"), STARTED
    while True:
        decision = scheduler.on_trial_result(None, one, result)
        if decision == TrialScheduler.STOP:
            break
        method, title, ready = one.temporary_state.ray_actor.calls[-1]
        assert decision == TrialScheduler.CONTINUE
        assert (method, title) == ("take", ready[0].step.title)
        records = [
            make_record(each.step, StepResult(metrics={"objective": 0.5}), 9.0) for each in ready
        ]
        result = {"start": None, "records": records, "refusal": ""}
    assert world.kept.keys() == world.dispatcher.schedule.plan.steps.keys()
    assert searcher.suggest("two") == Searcher.FINISHED
    assert StopWhenOver(world.dispatcher).stop_all()


def test_a_worker_without_a_step_waits():
    world = World(cpus=100)
    searcher, scheduler = hooks(world)
    while searcher.suggest(f"w{len(world.dispatcher.workers)}"):
        pass
    names = list(world.dispatcher.workers)
    for name in names:
        scheduler.on_trial_result(None, trial(name), STARTED)
    idle = trial(names[-1])
    step = world.dispatcher.workers[names[-1]].steps[0]
    record = make_record(step, StepResult(), 1.0)
    assert (
        scheduler.on_trial_result(None, idle, {"start": None, "records": [record], "refusal": ""})
        == "CONTINUE"
    )
    method, name, seconds = idle.temporary_state.ray_actor.calls[-1]
    assert (method, name) == ("pause", "wait")
    assert seconds > 0


def test_a_worker_that_died_is_told_with_the_last_line_of_its_error(tmp_path):
    world = World(cpus=1)
    searcher, scheduler = hooks(world)
    file = tmp_path / "error.txt"
    file.write_text("Traceback\n  ...\nOSError: no such disk\n")
    for number in range(3):
        searcher.suggest(str(number))
        scheduler.on_trial_error(None, trial(str(number), str(file)))
        searcher.on_trial_complete(str(number), error=True)  # Tune calls both
        world.now += 60
    assert str(world.dispatcher.error) == (
        "3 workers in a row could not start: OSError: no such disk"
    )


def test_a_worker_that_tune_stopped_leaves_its_step_to_others():
    world = World(cpus=1)
    searcher, scheduler = hooks(world)
    searcher.suggest("one")
    scheduler.on_trial_result(None, trial("one"), STARTED)
    step = world.started[0].id
    searcher.on_trial_complete("one")
    assert step not in world.dispatcher.schedule.running
    assert searcher.suggest("two")


def test_what_tune_pickles_carries_nothing():
    world = World()
    for hook in (*hooks(world), StopWhenOver(world.dispatcher)):
        assert pickle.loads(pickle.dumps(hook)).__dict__ == {}


def test_a_store_that_refuses_a_worker_ends_the_run_and_what_was_done_is_kept():
    """A full disk is no fault of a step: no record says so, and none counts as a loss."""
    world = World()
    searcher, scheduler = hooks(world)
    searcher.suggest("one")
    scheduler.on_trial_result(None, trial("one"), STARTED)
    step = world.dispatcher.workers["one"].steps[0]
    record = make_record(step, StepResult(), 1.0)
    result = {"start": None, "records": [record], "refusal": "no space left"}
    assert scheduler.on_trial_result(None, trial("one"), result) == "STOP"
    assert str(world.dispatcher.error) == "no space left"
    assert record.id in world.dispatcher.schedule.records
