"""What is said while a sweep runs: busy workers, what an autoscaler should add, who waits."""

from mubench.run.tune.pool import Node, Share
from mubench.run.tune.watch import Watch
from tests.support.dispatch_world import World


class Heard:
    def __init__(self):
        self.lines, self.looks = [], []

    def say(self, line):
        self.lines.append(line)

    def looked(self, busy, workers):
        self.looks.append((busy, workers))


def watching(world, ask_for=None):
    heard = Heard()
    return heard, Watch(heard, lambda: world.nodes, ask_for, dispatcher=world.dispatcher)


def test_each_look_tells_how_many_workers_are_busy():
    world = World(cpus=2)
    heard, watch = watching(world)
    one, _ = world.open_all()
    world.dispatcher.next_for(one)
    assert watch() == world.nodes
    assert heard.looks == [(1, 2)]


def test_an_autoscaler_is_asked_now_and_then_for_all_that_could_run():
    world, asked = World(cpus=1), []
    _, watch = watching(world, asked.append)
    world.open_all()
    for _ in range(10):
        watch()
    assert len(asked) == 2
    ready = sum(not step.needs for step in world.dispatcher.schedule.plan.steps.values())
    assert asked[0] == [Share(1, 0)] * ready


def test_a_sweep_without_any_worker_says_each_minute_what_it_waits_for():
    world = World(cpus=0)
    heard, watch = watching(world)
    for _ in range(120):
        watch()
    assert heard.lines == ["waiting for a node with 1 CPU"] * 2


def test_a_sweep_with_a_worker_says_nothing():
    world = World(cpus=1)
    world.open_all()
    heard, watch = watching(world)
    for _ in range(120):
        watch()
    assert heard.lines == []


def test_the_first_look_is_told_and_the_end_wants_nothing_more():
    world, calls, asked = World(cpus=1), [], []
    watch = Watch(
        Heard(), lambda: world.nodes, asked.append, lambda: calls.append(1), world.dispatcher
    )
    watch()
    watch()
    watch.end()
    assert calls == [1]
    assert asked[-1] == []


def test_nodes_that_come_and_go_are_told():
    world = World(cpus=1)
    heard, watch = watching(world)
    world.open_all()
    watch()
    world.nodes = [Node("b", 1, 0), Node("c", 1, 0)]
    watch()
    assert heard.lines == ["1 node gone; their steps run again", "2 nodes joined"]
