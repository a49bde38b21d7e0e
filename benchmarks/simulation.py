"""How close a run comes to the least possible time, simulated: no Ray, no process, no waiting.

The dispatcher of a real run decides; a virtual clock moves on. Trainings take 600 s, trials and
final steps 60 s, each 50 % more or less; a worker takes 10 s to start. Prints, for every sweep of
`search_spaces/paper/` and 8, 32 and 100 GPUs, the makespan over
max(work / GPUs, critical path). At most 1.15.

    python benchmarks/simulation.py [--sweep NAME] [--gpus N ...]
"""

import argparse
import heapq
import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mubench.run.step_result import StepResult, make_record
from mubench.run.tune.dispatch import Dispatcher
from mubench.run.tune.messages import Leave, Pause, ReadyStep, Start
from mubench.run.tune.pool import Node, Share
from mubench.run.tune.schedule import Schedule
from mubench.store.record import Record
from mubench.sweep.load import load
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import Candidate, Step, refusal_of

SECONDS = {"train": 600.0, "retrain": 600.0, "search": 60.0, "final": 60.0}
JITTER = 0.5
START_SECONDS = 10.0
GPUS_OF_A_NODE = 8


class PlainSchedule(Schedule):
    """A schedule without Optuna: which hyperparameters a step gets takes no time here."""

    def _prepare(self, step: Step) -> ReadyStep:
        return ReadyStep(step, Candidate({}), refusal_of(step))


def durations(plan: Plan) -> dict[str, float]:
    """Seconds of each step, the same in every run; a refused step takes none."""
    rng = random.Random(0)  # noqa: S311  no secret
    return {
        key: 0.0 if refusal_of(step) else SECONDS[step.kind] * rng.uniform(1 - JITTER, 1 + JITTER)
        for key, step in plan.steps.items()
    }


def least(plan: Plan, seconds: dict[str, float], gpus: int) -> float:
    """No run can be shorter: all GPUs busy, or the longest chain of steps that need each other."""
    ends: dict[str, float] = {}
    for key, step in plan.steps.items():
        ends[key] = max((ends[need] for need in step.needs), default=0.0) + seconds[key]
    work = sum(seconds[key] * Share.of(step).gpu for key, step in plan.steps.items())
    return max(work / gpus, START_SECONDS + max(ends.values()))


def cluster(gpus: int) -> list[Node]:
    """Nodes of at most eight GPUs."""
    return [
        Node(f"node{n}", 16 * GPUS_OF_A_NODE, min(GPUS_OF_A_NODE, gpus - n))
        for n in range(0, gpus, GPUS_OF_A_NODE)
    ]


@dataclass
class Simulation:
    """A cluster with a virtual clock. `changes` says when its nodes become others."""

    plan: Plan
    seconds: dict[str, float]
    nodes: Sequence[Node]
    changes: Sequence[tuple[float, Sequence[Node]]] = ()
    now: float = 0.0
    starts: int = 0
    busy: list[tuple[float, float]] = field(default_factory=list)
    """When the part of the GPUs that work changed, and by how much."""
    dispatcher: Dispatcher = field(init=False)
    _events: list[tuple[float, int, str, str]] = field(default_factory=list)
    _number: "itertools.count[int]" = field(default_factory=itertools.count)
    _templates: dict[str, Record] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for step in self.plan.steps.values():
            if step.kind not in self._templates:
                result = StepResult(metrics={"objective": 0.5})
                self._templates[step.kind] = make_record(step, result, SECONDS[step.kind])
        self.dispatcher = Dispatcher(
            PlainSchedule(self.plan, {}),
            lambda: self.nodes,
            keep=lambda records: None,
            lost=self._record,
            started=lambda step: None,
            clock=lambda: self.now,
        )

    def makespan(self) -> float:
        """Run everything; the virtual seconds that it took."""
        for number, (when, _) in enumerate(self.changes):
            self._at(when, "changed", str(number))
        self._open()
        while self._events:
            self.now, _, what, worker = heapq.heappop(self._events)
            if what == "changed":
                self._change(self.changes[int(worker)][1])
            elif worker in self.dispatcher.workers:
                self._happen(what, worker)
            if self.dispatcher.schedule.is_finished:
                return self.now
            if what != "idle":
                self._open()
        raise RuntimeError(f"nothing happens, {self.dispatcher.schedule.left} steps are left")

    def busy_part(self, begin: float, end: float) -> float:
        """The mean number of GPUs at work between two moments."""
        changes = sorted(self.busy)
        area, level, last = 0.0, 0.0, begin
        for when, change in changes:
            moment = min(max(when, begin), end)
            area += level * (moment - last)
            level, last = level + change, moment
        return (area + level * (end - last)) / (end - begin)

    def _happen(self, what: str, worker: str) -> None:
        if what == "left":
            self.dispatcher.has_gone(worker, failed=False)
            return
        seat = self.dispatcher.pool.seats[worker]
        if what == "started":
            self.dispatcher.has_started(worker, Start(seat.node, seat.gpus))
        if what == "finished":
            self.busy.append((self.now, -seat.share.gpu))
            done = self.dispatcher.workers[worker].steps
            self.dispatcher.has_finished(worker, [self._record(step) for step in done])
        match self.dispatcher.next_for(worker):
            case Leave():
                self._at(0.2, "left", worker)
            case Pause(seconds):
                self._at(seconds, "idle", worker)
            case ready:
                self.busy.append((self.now, seat.share.gpu))
                self._at(sum(self.seconds[each.step.id] for each in ready), "finished", worker)

    def _change(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        names = {node.id for node in nodes}
        for worker, seat in list(self.dispatcher.pool.seats.items()):
            if seat.node not in names and worker in self.dispatcher.workers:
                if self.dispatcher.workers[worker].steps:
                    self.busy.append((self.now, -seat.share.gpu))
                self.dispatcher.has_gone(worker, failed=True)
        self._at(1.1, "look", "")  # the dispatcher looks at the nodes once a second

    def _open(self) -> None:
        while self.dispatcher.open(f"worker{self.starts}") is not None:
            self._at(START_SECONDS, "started", f"worker{self.starts}")
            self.starts += 1

    def _at(self, seconds: float, what: str, worker: str) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._number), what, worker))

    def _record(self, step: Step) -> Record:
        return replace(self._templates[step.kind], id=step.id, seconds=self.seconds[step.id])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sweep")
    parser.add_argument("--smoke", action="store_true", help="One sweep, for a test.")
    parser.add_argument("--gpus", type=int, nargs="*", default=[8, 32, 100])
    chosen = parser.parse_args()
    if chosen.smoke:
        chosen.sweep, chosen.gpus = "cifar10_class", [8]
    folder = Path(__file__).parents[1] / "search_spaces" / "paper"
    names = sorted(p for p in folder.glob("*.yaml") if not p.stem.endswith(".published"))
    worst = 0.0
    for path in names:
        if chosen.sweep and chosen.sweep != path.stem:
            continue
        plan = make_plan(load(str(path)).spec, "cuda")
        seconds = durations(plan)
        shown = []
        for gpus in chosen.gpus:
            simulation = Simulation(plan, seconds, cluster(gpus))
            makespan, bound = simulation.makespan(), least(plan, seconds, gpus)
            worst = max(worst, makespan / bound)
            shown.append(f"{gpus} GPUs {makespan / bound:.3f} ({simulation.starts} starts)")
        print(f"{path.stem}: {len(plan.steps)} steps; " + "; ".join(shown), flush=True)
    print(f"worst {worst:.3f} (at most 1.15)")


if __name__ == "__main__":
    main()
