"""Records of a sweep that did not run, for scripts that read a store of hours of training."""

from pathlib import Path

import numpy as np

from mubench.run.step_result import StepResult, make_record
from mubench.store.record import Record
from mubench.sweep.load import load
from mubench.sweep.planner import make_plan
from mubench.sweep.steps import SearchStep

POOLS = Path(__file__).parents[1] / "pools"
METRICS = ("ua", "ra", "ta", "mia_svc", "mia_auc", "gap", "robust_gap", "accuracy_gap", "objective")


def made_up_records(pool: str) -> list[Record]:
    """A record of each step of a sweep in `benchmarks/pools/`; its values are random."""
    rng = np.random.default_rng(0)
    plan = make_plan(load(str(POOLS / f"{pool}.yaml")).spec, "cpu")
    return [
        make_record(
            step,
            StepResult(
                metrics={name: float(rng.uniform(0, 0.5)) for name in METRICS},
                candidate=step.place if isinstance(step, SearchStep) else None,
            ),
            1.0,
        )
        for step in plan.steps.values()
    ]
