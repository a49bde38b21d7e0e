"""How busy workers are: real processes of Ray Tune on logical CPUs and GPUs, steps that sleep.

Busy is the sum of all steps' seconds over workers times wall time, from the first hand-out to the
end of the last step, starts of processes included; and the same from 20 s after the first hand-out
on, without the last steps, when fewer are left than there are workers.

    OMP_NUM_THREADS=1 python benchmarks/scheduling.py [--case NAME ...]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import sleeping_worker
from helpers.smoke import sized
from ray import cloudpickle
from ray.cluster_utils import Cluster
from sleeping_worker import sleeper

from mubench.run.tune.cluster import ClusterConfig
from mubench.run.tune.run_plan import run_plan
from mubench.store.store import Store
from mubench.sweep.load import parse
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import Step

cloudpickle.register_pickle_by_value(sleeping_worker)  # workers do not find that file

SETTLED = 20.0
ROWS = ("ft", "ga", "ugradsl", "ugradsl_plus", "neggrad_plus")
Seconds = Callable[[Step], float]


@dataclass
class Watcher:
    """A progress that notes when the first step was handed out, and calls back once a second."""

    look: Callable[[float], None] = lambda since: None
    first: float = 0.0

    def start(self, schedule: object) -> None: ...

    def say(self, line: str) -> None: ...

    def looked(self, busy: int, workers: int) -> None:
        if self.first:
            self.look(time.time() - self.first)

    def started(self, step: object) -> None:
        self.first = self.first or time.time()

    def finished(self, record: object, schedule: object) -> None: ...


@dataclass
class Run:
    """Steps as they ran: begin and end, seconds after the first hand-out, and the part they use."""

    spans: list[tuple[float, float, float]]
    workers: float
    changes: list[tuple[float, float]] = field(default_factory=list)

    def busy(self, begin: float, end: float, workers: float) -> float:
        """The part of `workers` that worked between two moments."""
        worked = sum(w * max(0.0, min(e, end) - max(b, begin)) for b, e, w in self.spans)
        return worked / (workers * (end - begin))

    @property
    def end(self) -> float:
        return max(e for _, e, _ in self.spans)

    @property
    def tail(self) -> float:
        """When the last step began: from then on workers have nothing left to do."""
        return max(b for b, _, _ in self.spans)


def plan_of(trials: int, **sweep: object) -> Plan:
    """A plan of about that many trials, all of which can run at the same time."""
    grid = {
        "dataset": "digits",
        "model": "small_cnn",
        "forget": {"scenario": "random", "ratio": 0.1},
    }
    search = {"trials": max(1, trials // len(ROWS)), "lag": trials, "sampler": "random"}
    rows: dict[str, dict[str, object]] = {row: {} for row in ROWS}
    node = {"name": "busy", "grid": grid, "methods": rows, "search": search, "controls": []}
    node |= sweep
    return make_plan(parse(node, "busy"), "cuda" if "resources" in sweep else "cpu")


def measure(
    plan: Plan,
    seconds: Seconds,
    nodes: Sequence[dict[str, float]],
    workers: float,
    change: Callable[[Cluster, float], None] = lambda cluster, since: None,
) -> Run:
    """Run a plan on raylets of this machine."""
    head = {"num_cpus": 0}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for node in nodes:
        cluster.add_node(**node)
    cluster.wait_for_nodes()
    watcher = Watcher(lambda since: change(cluster, since))
    try:
        with tempfile.TemporaryDirectory() as folder:
            summary = run_plan(
                plan,
                Store(folder),
                watcher,
                cluster=ClusterConfig(cluster.address),
                worker=sleeper(seconds),
            )
    finally:
        cluster.shutdown()
    spans = []
    for key, record in summary.records.items():
        share = plan.steps[key].execution.resources
        part = share.gpu if plan.device == "cuda" else share.cpu
        began = record.metrics["began"] - watcher.first
        spans.append((began, began + record.seconds, part))
    return Run(spans, workers)


def equal_steps(workers: int, seconds: float, each: int) -> None:
    """All steps take as long; `each` of them for every worker."""
    run = measure(
        plan_of(workers * each), lambda step: seconds, [{"num_cpus": workers}], float(workers)
    )
    whole = run.busy(0, run.end, workers)
    settled = f"{run.busy(SETTLED, run.tail, workers):.0%}" if run.tail > 1.5 * SETTLED else "-"
    print(
        f"{workers} workers, {len(run.spans)} steps of {seconds:g} s: {whole:.0%} busy "
        f"(at least 85 %), {settled} after {SETTLED:g} s (at least 95 %)",
        flush=True,
    )


def two_shares() -> None:
    """Trainings on whole GPUs beside searches on quarters: four logical GPUs."""
    whole, quarter = {"cpu": 0.1, "gpu": 1}, {"cpu": 0.1, "gpu": 0.25}
    resources = {"train": whole, "retrain": whole, "search": quarter, "final": whole}
    plan = plan_of(300, resources=resources)
    run = measure(
        plan,
        lambda step: 20.0 if step.kind in ("train", "retrain") else 6.0,
        [{"num_cpus": 4, "num_gpus": 4}],
        4.0,
    )
    print(
        f"4 GPUs, trainings on whole ones, searches on quarters, {len(run.spans)} steps: "
        f"{run.busy(0, run.end, 4):.0%} busy (at least 90 %), "
        f"{run.busy(SETTLED, run.tail, 4):.0%} after {SETTLED:g} s",
        flush=True,
    )


def changing_nodes() -> None:
    """Eight workers become sixteen after 40 s; eight of them die after 80 s."""
    seen: list[float] = []

    def change(cluster: Cluster, since: float) -> None:
        if not seen and since >= 40:
            cluster.add_node(num_cpus=8)
            seen.append(since)
        if len(seen) == 1 and since >= 80:
            cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
            seen.append(since)

    run = measure(plan_of(500), lambda step: 3.0, [{"num_cpus": 8}], 8.0, change)
    more, fewer = seen
    grown = run.busy(more + 10, fewer, 16)
    shrunk = run.busy(fewer + 10, min(fewer + 40, run.tail), 8)
    print(
        f"8 workers become 16: {grown:.0%} of 16 busy from 10 s after (at least 90 %); "
        f"8 of 16 are killed: {shrunk:.0%} of 8 busy from 10 s after (at least 90 %)",
        flush=True,
    )


CASES: dict[str, Callable[[], None]] = {
    "2x1": lambda: equal_steps(2, 1, 3),
    "8x1": lambda: equal_steps(8, 1, 80),
    "8x3": lambda: equal_steps(8, 3, 25),
    "8x10": lambda: equal_steps(8, 10, 8),
    "32x1": lambda: equal_steps(32, 1, 150),
    "32x3": lambda: equal_steps(32, 3, 50),
    "32x10": lambda: equal_steps(32, 10, 15),
    "64x1": lambda: equal_steps(64, 1, 300),
    "64x3": lambda: equal_steps(64, 3, 100),
    "64x10": lambda: equal_steps(64, 10, 30),
    "shares": two_shares,
    "nodes": changing_nodes,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", nargs="*", choices=CASES, default=sized([*CASES], ["2x1"]))
    for name in parser.parse_args().case:
        print(f"[load {os.getloadavg()[0]:.1f}] ", end="", flush=True)
        CASES[name]()


if __name__ == "__main__":
    main()
