"""Plain progress: a line now and then, and one at every failure."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from mubench.cli import progress as screen
from mubench.run.open_sweep import open_sweep
from mubench.run.tune.schedule import Schedule

pytestmark = pytest.mark.usefixtures("plain_environment")


def test_plain_progress_is_a_line_now_and_then_and_at_every_failure(finished, monkeypatch):
    opened = open_sweep(str(finished / "tiny.yaml"), str(finished / "store"))
    now = iter([0.0, 3.0, 10.0, 12.0, 13.0])
    monkeypatch.setattr(screen.time, "monotonic", lambda: next(now))
    printed = io.StringIO()
    record = next(iter(opened.store.records.read().values()))
    with screen.Screen(Console(file=printed, width=200)) as shown:
        shown.start(Schedule(opened.plan, {}))
        shown.started(opened.plan.steps[record.id])
        for _ in range(3):
            shown.finished(record, Schedule(opened.plan, {}))
        failed = replace(record, status="error", message="it [bold]broke[/bold]")
        shown.finished(failed, Schedule(opened.plan, {}))
    title = opened.plan.steps[record.id].title
    assert printed.getvalue().splitlines() == [
        "tiny: 0 of 10 steps completed, 10 to run",
        "2/10 steps completed after 10 s",
        f"error: {title}: it [bold]broke[/bold]",
    ]
