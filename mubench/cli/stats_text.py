"""Where the time of a sweep went, for people and for programs."""

from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mubench.errors import plural
from mubench.phases import PHASES
from mubench.report.analysis.times import OTHER, KindTimes, times_by_kind
from mubench.run.open_sweep import OpenSweep
from mubench.store.run_log import RunTimes, logged_runs


def stats_table(opened: OpenSweep) -> list[RenderableType]:
    """Return a table of seconds, a row for each kind of step, and a line for each run."""
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
    shown = [name for name in (*PHASES, OTHER) if any(name in one.phases for one in times)]
    grid = Table(
        box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title="Seconds", title_justify="left"
    )
    for column in ("", "steps", "each", "all", *shown):
        grid.add_column(column, justify="right" if column else "left", no_wrap=True)
    for one in times:
        each = f"{one.seconds / one.steps:.3f}"
        phases = [f"{one.phases.get(name, 0.0):.1f}" for name in shown]
        grid.add_row(one.kind, str(one.steps), each, f"{one.seconds:.1f}", *phases)
    sums = [sum(one.phases.get(name, 0.0) for one in times) for name in shown]
    steps, seconds = sum(one.steps for one in times), sum(one.seconds for one in times)
    grid.add_section()
    grid.add_row("all", str(steps), "", f"{seconds:.1f}", *(f"{value:.1f}" for value in sums))
    return grid


def _words(run: RunTimes) -> str:
    """One run: how long, what its workers did, and what the driver took."""
    total = sum(run.worker_seconds.values())
    shares = [f"{100 * spent / total:.0f} % {doing}" for doing, spent in run.worker_seconds.items()]
    workers = f"; of {total:.0f} s of workers {', '.join(shares)}" if total else ""
    return (
        f"run of {run.began}: {plural(run.steps, 'step')} in {run.wall_seconds:.1f} s{workers}; "
        f"driver {run.driver_seconds:.1f} s of CPU time"
    )
