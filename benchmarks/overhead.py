"""What the framework costs: a sweep of 1,000 steps that do nothing, from plan to stored records.

Prints milliseconds a step and kilobytes of driver memory a step. MLflow is off.

    python benchmarks/overhead.py [--trials 1000]
"""

import argparse
import resource
import tempfile
import time

from helpers.smoke import sized
from typing_extensions import override

from mubench.run.step_result import StepResult, make_record
from mubench.run.tune.cluster import ClusterConfig, connected
from mubench.run.tune.messages import ReadyStep
from mubench.run.tune.run_plan import run_plan
from mubench.run.tune.worker import Worker
from mubench.store.record import Record
from mubench.store.store import Store
from mubench.sweep.load import parse
from mubench.sweep.plan import Plan
from mubench.sweep.planner import make_plan


class NoopWorker(Worker):
    """Answers every step at once."""

    @override
    def run_step(self, ready: ReadyStep) -> Record:
        metrics = {"objective": 0.5, "gap": 0.5}
        candidate = ready.candidate
        result = StepResult(metrics=metrics, params=candidate.params, candidate=candidate.number)
        return make_record(ready.step, result, 0.0)


def many_steps(trials: int) -> Plan:
    """A plan of about `trials` steps: five studies of one cell."""
    rows = {"ft": {}, "ga": {}, "ugradsl": {}, "ugradsl_plus": {}, "neggrad_plus": {}}
    sweep = {
        "name": "overhead",
        "grid": {
            "dataset": "digits",
            "model": "small_cnn",
            "forget": {"scenario": "random", "ratio": 0.1},
        },
        "methods": rows,
        "controls": [],  # a sham's step is as long as those of methods, which take none here
        # Candidates at random: thousands of them in one study cost TPE more than the framework.
        "search": {"trials": max(1, trials // len(rows)), "sampler": "random", "lag": trials},
    }
    return make_plan(parse(sweep, "overhead"))


class Quiet:
    """A progress that shows nothing."""

    def start(self, schedule: object) -> None: ...

    def say(self, line: str) -> None: ...

    def looked(self, busy: int, workers: int) -> None: ...

    def started(self, step: object) -> None: ...

    def finished(self, record: object, schedule: object) -> None: ...


def resident_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=sized(1000, 20))
    trials = parser.parse_args().trials
    with connected(ClusterConfig(cpus=2)), tempfile.TemporaryDirectory() as folder:
        warm = many_steps(5)
        run_plan(warm, Store(f"{folder}/warm"), Quiet(), worker=NoopWorker)
        plan = many_steps(trials)
        before, began = resident_kib(), time.perf_counter()
        summary = run_plan(plan, Store(f"{folder}/store"), Quiet(), worker=NoopWorker)
        seconds, grown = time.perf_counter() - began, resident_kib() - before
        print(f"{summary.ran} steps in {seconds:.1f} s")
        print(f"{1000 * seconds / summary.ran:.1f} ms a step (at most 20)")
        print(f"{grown / summary.ran:.1f} KiB of driver memory a step (at most 20)")


if __name__ == "__main__":
    main()
