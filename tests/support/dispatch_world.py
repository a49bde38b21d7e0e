"""A dispatcher with a clock of its own."""

from mubench.run.step_result import StepResult, make_record, not_run
from mubench.run.tune.dispatch import Dispatcher
from mubench.run.tune.messages import Start
from mubench.run.tune.pool import Node
from mubench.run.tune.schedule import Schedule
from tests.support.plans import BASE


class World:
    """A dispatcher, its clock, and what it has said."""

    def __init__(self, cpus=2, plan=BASE, keep=None):
        self.now, self.kept, self.started = 0.0, {}, []
        self.nodes = [Node("a", cpus, 0)]
        self.dispatcher = Dispatcher(
            Schedule(plan, {}),
            lambda: self.nodes,
            keep or (lambda records: self.kept.update({r.id: r for r in records})),
            lambda step: not_run("error", step, "the worker died"),
            self.started.append,
            clock=lambda: self.now,
        )

    def open_all(self):
        """Start as many workers as are wanted; their names."""
        names = []
        while self.dispatcher.open(name := f"w{len(self.dispatcher.workers)}@{self.now}"):
            self.dispatcher.has_started(name, Start(self.dispatcher.pool.seats[name].node, ()))
            names.append(name)
        return names

    def finish(self, worker, seconds=1.0):
        """A worker does what it was given."""
        records = []
        for step in self.dispatcher.workers[worker].steps:
            result = StepResult(metrics={"objective": 0.5} if step.kind == "search" else {})
            records.append(make_record(step, result, seconds))
        self.dispatcher.has_finished(worker, records)
