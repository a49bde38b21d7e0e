"""Where the time of a sweep went, for people and for programs."""

import math
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mubench.catalogue.phases import PHASES
from mubench.errors import plural
from mubench.report.analysis.times import OTHER, KindTimes, times_by_kind
from mubench.run.open_sweep import OpenSweep
from mubench.store.run_log import RunTimes, logged_runs


def stats_table(opened: OpenSweep) -> list[RenderableType]:
    """Return a table of seconds, a column for each kind of step, and a line for each run."""
    records = opened.store.records.read(opened.plan.steps).values()
    times = times_by_kind(records)
    timed = sum(one.steps for one in times)
    lines = [Text(_words(run)) for run in logged_runs(opened.store, opened.plan.name)]
    if timed < len(records):
        untold = plural(len(records) - timed, "step")
        lines.append(Text(f"not shown: {untold} that an older mubench ran, or that did not run"))
    return [_grid(times), *lines] if times else [Text("no step has told its times"), *lines]


def stats_json(opened: OpenSweep) -> dict[str, Any]:
    """The same for programs, in seconds."""
    records = opened.store.records.read(opened.plan.steps).values()
    return {
        "name": opened.plan.name,
        "kinds": [asdict(one) for one in times_by_kind(records)],
        "runs": [asdict(run) for run in logged_runs(opened.store, opened.plan.name)],
    }


def _grid(times: tuple[KindTimes, ...]) -> Table:
    """A column for each kind of step, a row for each phase."""
    grid = Table(box=None, pad_edge=False)
    for column in ("seconds", *(one.kind for one in times), "all"):
        grid.add_column(column, justify="left" if column == "seconds" else "right")
    for name in (*PHASES, OTHER):
        if any(name in one.phases for one in times):
            grid.add_row(name, *_with_sum([one.phases.get(name, 0.0) for one in times]))
    grid.add_row("all", *_with_sum([one.seconds for one in times]))
    counts = [one.steps for one in times]
    grid.add_row("steps", *map(str, counts), str(sum(counts)))
    grid.add_row("each", *(f"{one.seconds / one.steps:.3f}" for one in times), "")
    return grid


def _with_sum(seconds: list[float]) -> list[str]:
    return [f"{value:.1f}" for value in (*seconds, math.fsum(seconds))]


def _words(run: RunTimes) -> str:
    """One run: how long, what its workers did, and what the driver took."""
    total = sum(run.worker_seconds.values())
    shares = [f"{100 * spent / total:.0f} % {doing}" for doing, spent in run.worker_seconds.items()]
    workers = f"; of {total:.0f} s of workers {', '.join(shares)}" if total else ""
    return (
        f"run of {run.began}: {plural(run.steps, 'step')} in {run.wall_seconds:.1f} s{workers}; "
        f"driver {run.driver_seconds:.1f} s of CPU time"
    )
