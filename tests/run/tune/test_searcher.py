"""Between Ray Tune and a schedule, without Ray's loop."""

import json
import pickle

import pytest
from ray.tune.search import Searcher

from mubench.run.step_result import StepResult, make_record, not_run
from mubench.run.tune.schedule import Schedule
from mubench.run.tune.searcher import PlanSearcher
from mubench.store.table import record_to_json
from tests.support.plans import BASE


class World:
    """A searcher and what it has reported."""

    def __init__(self, in_flight=2, at_most=10**6, keep=None):
        self.kept, self.started = {}, []
        self.schedule = Schedule(BASE, {})
        self.searcher = PlanSearcher(
            self.schedule,
            keep or (lambda record: self.kept.update({record.id: record})),
            lambda step: not_run("error", step, "the worker died"),
            self.started.append,
            in_flight=in_flight,
            at_most=at_most,
        )

    def suggest(self, trial):
        """The step of a trial; Tune's own answers as they are."""
        answer = self.searcher.suggest(trial)
        return BASE.steps[json.loads(answer["due"])["step"]] if isinstance(answer, dict) else answer

    def complete(self, trial, step):
        result = StepResult(metrics={"objective": 0.5} if step.kind == "search" else {})
        message = {"record": record_to_json(make_record(step, result, 1.0))}
        self.searcher.on_trial_complete(trial, message)


def test_a_plan_is_run_to_its_end_in_an_order_that_respects_needs():
    world, trial = World(), 0
    while (step := world.suggest(str(trial))) != Searcher.FINISHED:
        assert set(step.needs) <= world.kept.keys()
        world.complete(str(trial), step)
        trial += 1
    assert world.kept.keys() == BASE.steps.keys()
    assert [step.id for step in world.started] == list(world.kept)


def test_no_more_steps_are_out_than_are_asked_for():
    world = World(in_flight=2)
    first = world.suggest("a")
    assert world.suggest("b") is not None
    assert world.suggest("c") is None
    world.complete("a", first)
    assert world.suggest("c") is not None


def test_no_more_steps_are_given_than_the_limit():
    world = World(at_most=1)
    world.complete("a", world.suggest("a"))
    assert world.suggest("b") == Searcher.FINISHED


def test_a_worker_that_died_leaves_an_error_and_a_stopped_step_is_due_again():
    world = World(in_flight=1)
    lost = world.suggest("a")
    world.searcher.on_trial_complete("a", error=True)
    assert world.kept[lost.id].status == "error"
    stopped = world.suggest("b")
    world.searcher.on_trial_complete("b")
    assert stopped.id not in world.kept
    assert world.suggest("c") is stopped


def test_a_store_that_fails_ends_the_search():
    def keep(record):
        raise OSError("disk full")

    world = World(keep=keep)
    world.complete("a", world.suggest("a"))
    assert isinstance(world.searcher.error, OSError)
    assert world.suggest("b") == Searcher.FINISHED


@pytest.mark.parametrize("result", [None, {}])
def test_a_trial_that_was_never_given_is_ignored(result):
    world = World()
    world.searcher.on_trial_complete("unknown", result)
    assert not world.kept


def test_pickled_searchers_carry_nothing():
    assert pickle.loads(pickle.dumps(World().searcher)).__dict__ == {}
