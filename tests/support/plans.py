"""Plans of small sweeps."""

from mubench.sweep import load
from mubench.sweep.planner import make_plan
from tests.support.small_sweep import SWEEP


def planned(node, device="cpu"):
    return make_plan(load.parse(node, "x"), device)


def steps_of(plan, *kinds, **where):
    return [
        step
        for step in plan.steps.values()
        if step.kind in kinds and all(value_of(step, key) == value for key, value in where.items())
    ]


def value_of(step, key):
    """A fact about a step; those of its training are meant too."""
    if key in ("purpose", "seed_train"):
        return getattr(step.training, key.removesuffix("_train"))
    return getattr(step, key)


def label_of(step):
    """The row of the results table, if a step has one."""
    return getattr(step, "label", "")


BASE = planned(SWEEP)
