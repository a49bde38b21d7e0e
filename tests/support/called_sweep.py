"""The tiny sweep as a call of `mubench.benchmark`, run without Ray."""

import copy
from types import SimpleNamespace

import mubench
from mubench.run.tune.resume import Summary
from tests.support.sweep_world import TINY, finish


def arguments(**changes):
    """Those of a call that does what the tiny sweep's file says."""
    tiny = copy.deepcopy(TINY)
    grid = tiny.pop("grid")
    [dataset], [model], [forget] = (grid[axis] for axis in ("dataset", "model", "forget"))
    data = {"data": dataset, "model": model, "forget": forget, "store": "store", "mlflow": False}
    return {**data, **tiny, **changes}


def call(**changes):
    """The call."""
    given = arguments(**changes)
    return mubench.benchmark(given.pop("data"), **given)


def run_here(plan, store, progress, **_):
    """In place of `run_plan`: step after step in this process."""
    opened = SimpleNamespace(plan=plan, store=store, save=lambda: None)
    had = len(store.records.read(plan.steps))
    records = finish(opened)
    return Summary(records, len(records) - had, 0)


def forbidden(*_, **__):
    """In place of what must not be called."""
    raise AssertionError("something is computed again")
