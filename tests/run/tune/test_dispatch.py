"""Which workers start, what they do next, and what happens when they die; no Ray, no waiting."""

from collections import Counter

import pytest

from benchmarks.simulation import Simulation, cluster, durations, least
from mubench.errors import RunError
from mubench.run.tune.dispatch import (
    FAILED_STARTS,
    LINGER_SECONDS,
    RETRIES,
    TOGETHER_MOST,
)
from mubench.run.tune.messages import Leave, Pause, ReadyStep, Start
from mubench.run.tune.pool import Node, Share
from mubench.sweep.load import load
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import Candidate
from tests.support.dispatch_world import World
from tests.support.plans import BASE


def test_a_plan_is_run_to_its_end_and_each_step_after_its_needs():
    world = World()
    workers = world.open_all()
    assert len(workers) == 2
    while not world.dispatcher.is_over:
        for worker in workers:
            answer = world.dispatcher.next_for(worker)
            for each in answer if not isinstance(answer, Pause | Leave) else ():
                assert set(each.step.needs) <= world.kept.keys()
            world.finish(worker)
    assert world.kept.keys() == BASE.steps.keys()
    assert Counter(step.id for step in world.started) == Counter(BASE.steps.keys())
    assert world.dispatcher.next_for(workers[0]) == Leave()
    assert world.dispatcher.open("more") is None


def test_no_more_workers_start_than_have_a_step_to_run():
    world = World(cpus=100)
    workers = world.open_all()
    assert len(workers) == sum(not step.needs for step in BASE.steps.values())


def test_a_worker_waits_longer_and_longer_and_then_leaves():
    world = World(cpus=100)
    workers = world.open_all()
    idle = workers.pop()
    for worker in workers:
        world.dispatcher.next_for(worker)
    world.dispatcher.next_for(idle)
    world.finish(idle, seconds=1.0)
    pauses = []
    while isinstance(answer := world.dispatcher.next_for(idle), Pause):
        pauses.append(answer.seconds)
        world.now += answer.seconds
    assert pauses == sorted(pauses)
    assert pauses[0] < 0.05
    assert pauses[-1] <= 1
    assert answer == Leave()
    assert world.now == pytest.approx(LINGER_SECONDS, abs=2)


def test_a_worker_that_cannot_be_needed_leaves_at_once():
    plan = BASE
    world = World(cpus=100, plan=plan)
    one, two = world.open_all()[:2]
    while world.dispatcher.schedule.left > 1:
        world.dispatcher.next_for(one)
        world.finish(one)
    assert world.dispatcher.next_for(one)
    assert world.dispatcher.next_for(two) == Leave()


def test_very_short_steps_are_handed_out_together_and_long_ones_alone():
    for seconds, fewest in ((0.001, 2), (10.0, 1)):
        world = World(cpus=1)
        (worker,) = world.open_all()
        sizes = []
        while not world.dispatcher.is_over:
            sizes.append(len(world.dispatcher.next_for(worker)))
            world.finish(worker, seconds)
        assert fewest <= max(sizes) <= (TOGETHER_MOST if fewest > 1 else 1)
        assert world.kept.keys() == BASE.steps.keys()


def test_a_step_whose_worker_dies_runs_again_and_is_lost_in_the_end():
    world = World(cpus=1)
    ids = []
    for _ in range(RETRIES + 1):
        (worker,) = world.open_all()
        ids.append(world.dispatcher.next_for(worker)[0].step.id)
        assert not world.kept
        world.dispatcher.has_gone(worker, failed=True)
    assert len(set(ids)) == 1
    assert world.kept[ids[0]].status == "error"


def test_a_step_that_kills_its_workers_takes_none_of_those_beside_it_along():
    """Short steps are handed out together; one of them ends every worker that runs it."""
    world = World(cpus=1)
    poison = next(step.id for step in BASE.steps.values() if step.kind == "final")
    together, worker = 0, None
    while not world.dispatcher.is_over:
        worker = worker or next(iter(world.open_all()))
        steps = [each.step.id for each in world.dispatcher.next_for(worker)]
        together = max(together, len(steps) * (poison in steps))
        if poison in steps:
            world.dispatcher.has_gone(worker, failed=True)
            worker = None
        else:
            world.finish(worker, seconds=0.001)
    assert together > 1
    assert {key for key, record in world.kept.items() if record.status == "error"} == {poison}
    assert world.kept.keys() == BASE.steps.keys()


def test_a_worker_that_is_stopped_leaves_its_step_to_others_without_blame():
    world = World(cpus=1)
    for _ in range(RETRIES + 2):
        (worker,) = world.open_all()
        assert world.dispatcher.next_for(worker)
        world.dispatcher.has_gone(worker, failed=False)
    assert not world.kept
    assert not world.dispatcher.schedule.running


def test_workers_that_cannot_start_end_the_run_with_their_reason():
    world = World(cpus=1)
    for _ in range(FAILED_STARTS):
        assert world.dispatcher.open("w")
        world.dispatcher.has_gone("w", failed=True, reason="no such disk")
        assert world.dispatcher.open("w") is None  # it rests a little
        world.now += 60
    assert world.dispatcher.is_over
    assert isinstance(world.dispatcher.error, RunError)
    assert str(world.dispatcher.error).endswith("could not start: no such disk")


def test_workers_that_cannot_start_beside_one_that_can_do_not_end_the_run():
    world = World(cpus=2)
    world.open_all()
    world.nodes = [Node("a", 2, 0), Node("sick", 2, 0)]
    world.now += 2
    for n in range(FAILED_STARTS + 2):
        world.now += 60
        world.dispatcher.open(f"s{n}")
        world.dispatcher.has_gone(f"s{n}", failed=True)
    assert not world.dispatcher.is_over


def test_a_worker_with_a_problem_ends_the_run_before_anything_runs():
    world = World()
    world.dispatcher.open("w")
    world.dispatcher.has_started("w", Start("a", problem="other code"))
    assert world.dispatcher.next_for("w") == Leave()
    assert str(world.dispatcher.error) == "other code"
    assert not world.started


def test_a_store_that_fails_ends_the_run_and_keeps_the_first_error():
    errors = iter([OSError("disk full"), OSError("later")])

    def keep(records):
        raise next(errors)

    world = World(keep=keep)
    one, two = world.open_all()
    for worker in (one, two):
        world.dispatcher.next_for(worker)
    for worker in (one, two):
        world.finish(worker)
    assert str(world.dispatcher.error) == "disk full"
    assert world.dispatcher.next_for(one) == Leave()


def test_a_new_node_is_used_and_the_workers_of_a_lost_one_are_replaced():
    world = World(cpus=1)
    first = world.open_all()
    world.nodes.append(Node("b", 1, 0))
    assert world.open_all() == []  # it looks once a second
    world.now += 1
    assert len(world.open_all()) == 1
    world.nodes = world.nodes[1:]
    world.now += 1
    world.dispatcher.has_gone(first[0], failed=True)
    assert world.open_all() == []


def test_a_cluster_that_grows_is_told_what_could_run():
    world = World(cpus=1)
    world.open_all()
    ready = sum(not step.needs for step in BASE.steps.values())
    assert len(world.dispatcher.demand(1000)) == ready
    assert len(world.dispatcher.demand(2)) == 2


WHOLE, QUARTER = Share(1, 1), Share(1, 0.25)


class TwoShares:
    """Ready steps of two shares, as many as a test says; quarters matter far more."""

    is_finished, left, trials_left = False, 100, Counter()

    def __init__(self, **ready):
        self.counts = {WHOLE: ready["whole"], QUARTER: ready["quarter"]}
        self.running = set()

    def shares(self, left):
        return [share for share in (QUARTER, WHOLE) if self.counts[share]]

    def ready(self, share):
        return self.counts[share]

    def matters_more(self, share, other, left):
        return share == QUARTER

    def finish(self, record):
        """More steps are ready as it is."""

    def next(self, share, left):
        if not self.counts[share]:
            return None
        self.counts[share] -= 1
        return ReadyStep(next(iter(BASE.steps.values())), Candidate({}))


def test_a_promise_ends_when_nobody_needs_it_any_more():
    """A seat that is kept for a step that found another would stay empty for ever."""
    world = World()
    world.nodes = [Node("a", 8, 1)]
    world.dispatcher.schedule = TwoShares(whole=3, quarter=0)
    assert world.dispatcher.open("whole") == WHOLE
    world.dispatcher.has_started("whole", Start("a", (0,)))
    assert world.dispatcher.next_for("whole")
    world.dispatcher.schedule.counts[QUARTER] = 1
    assert world.dispatcher.open("quarter") is None  # the whole GPU is asked for
    world.nodes.append(Node("b", 8, 1))
    world.now += 1
    assert world.dispatcher.open("quarter") == QUARTER
    world.dispatcher.has_started("quarter", Start("b", (0,)))
    assert world.dispatcher.next_for("quarter")
    world.dispatcher.open("more")
    assert world.dispatcher.pool.seats.keys() == world.dispatcher.workers.keys()
    world.finish("whole")
    assert world.dispatcher.next_for("whole") != Leave()


def paper(name, *changes):
    plan = make_plan(load(f"search_spaces/paper/{name}.yaml", changes).spec, "cuda")
    return plan, durations(plan)


@pytest.mark.parametrize("gpus", [8, 32, 100])
def test_a_paper_sweep_takes_little_longer_than_it_must(gpus):
    """Trainings on whole GPUs beside searches on quarters of one, on a virtual clock."""
    plan, seconds = paper("cifar10_class")
    simulation = Simulation(plan, seconds, cluster(gpus))
    assert simulation.makespan() <= 1.15 * least(plan, seconds, gpus)
    assert simulation.starts <= 4 * gpus + 30


def test_gpus_are_busy_while_nodes_come_and_go():
    plan, seconds = paper("cifar10_class", "search.lag=8", "search.trials=60")
    both = cluster(16)
    changes = [(2000.0, both), (3000.0, both[1:])]
    simulation = Simulation(plan, seconds, both[:1], changes)
    simulation.makespan()
    assert simulation.busy_part(20, 2000) >= 0.95 * 8
    assert simulation.busy_part(2012, 2700) >= 0.9 * 16
    assert simulation.busy_part(3012, 3400) >= 0.9 * 8
