"""Progress of a running sweep: a live bar on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from mubench.errors import plural
from mubench.run.tune.schedule import Schedule
from mubench.store.record import Record
from mubench.sweep.steps import Step

LINE_SECONDS = 10.0
"""Least time between two plain lines; a failure is printed at once."""


class Screen:
    """Progress of a sweep on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = self._last = time.monotonic()
        self._total = self._done = 0
        self._bar = Progress(
            TextColumn("[bold]{task.fields[name]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}", markup=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", name="", now="", start=False)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def start(self, schedule: Schedule) -> None:
        """Print how many steps are completed and how many will run."""
        plan = schedule.plan
        self._total, self._done = len(plan.steps), len(schedule.records)
        self._bar.update(self._task, total=self._total, completed=self._done, name=plan.name)
        self._bar.start_task(self._task)
        count = f"{self._done} of {plural(self._total, 'step')} completed, {schedule.left} to run"
        self.say(f"{plan.name}: {count}")

    def started(self, step: Step) -> None:
        """Show the step that runs now."""
        self._bar.update(self._task, now=step.title)

    def finished(self, record: Record, schedule: Schedule) -> None:
        """Count a record; print a failure at once."""
        self._done += 1
        self._bar.update(self._task, completed=self._done)
        now = time.monotonic()
        if record.is_failure:
            self.say(f"{record.status}: {schedule.plan.steps[record.id].title}: {record.message}")
        elif not self._console.is_terminal and now - self._last >= LINE_SECONDS:
            self._last = now
            elapsed = now - self._began
            self.say(f"{self._done}/{self._total} steps completed after {elapsed:.0f} s")

    def say(self, text: str) -> None:
        """Print one line without markup: names come from files."""
        self._console.print(Text(text))
