"""Progress of a running sweep: a live bar on a terminal or in a notebook, plain lines elsewhere."""

import time
from collections import Counter, defaultdict
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from mubench.errors import one_line, plural
from mubench.run.tune.schedule import Schedule
from mubench.session.notebook_area import NotebookArea
from mubench.store.record import Record
from mubench.sweep.kinds import STEP_KINDS, StepKind
from mubench.sweep.parallelism import TRIALS
from mubench.sweep.steps import Step

LINE_SECONDS = 10.0
"""Least time between two plain lines; a failure is printed at once."""


class Screen:
    """Progress of a sweep on a console."""

    def __init__(self, console: Console) -> None:
        self._area = NotebookArea() if console.is_jupyter else None
        self._is_live = console.is_terminal or console.is_jupyter
        self._began = self._last = time.monotonic()
        self._all: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._here: Counter[StepKind] = Counter()
        self._seconds: defaultdict[StepKind, float] = defaultdict(float)
        self._busy = self._workers = 0
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
        self._bar.update(self._task, now=self._kinds())  # nobody is busy any more
        self._show()

    def start(self, schedule: Schedule) -> None:
        """Print how many steps are completed and how many will run."""
        steps = schedule.plan.steps
        self._all = Counter(step.kind for step in steps.values())
        self._done = Counter(steps[key].kind for key in schedule.records)
        done, total = self._done.total(), self._all.total()
        self._bar.update(self._task, total=total, completed=done, name=schedule.plan.name)
        self._bar.start_task(self._task)
        count = f"{done} of {plural(total, 'step')} completed, {schedule.left} to run"
        self.say(f"{schedule.plan.name}: {count}")

    def started(self, step: Step) -> None:
        """A step was handed out; the number of busy workers is shown instead."""

    def looked(self, busy: int, workers: int) -> None:
        """Show how many workers are busy."""
        self._busy, self._workers = busy, workers
        self._bar.update(self._task, now=f"{self._kinds()}; {self._state()}")
        self._show()

    def finished(self, record: Record, schedule: Schedule) -> None:
        """Count a record; print a failure at once."""
        self._done[record.kind] += 1
        self._here[record.kind] += 1
        self._seconds[record.kind] += record.seconds
        self._bar.update(self._task, completed=self._done.total())
        now = time.monotonic()
        if record.is_failure:
            self.say(f"{record.status}: {schedule.plan.steps[record.id].title}: {record.message}")
        elif not self._is_live and now - self._last >= LINE_SECONDS:
            self._last = now
            count = f"{self._done.total()}/{self._all.total()} steps completed"
            self.say(f"{count} after {now - self._began:.0f} s; {self._state()}")

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(Text(one_line(line)), soft_wrap=True)

    def _show(self) -> None:
        """A bar of rich needs widgets in a notebook; its text does not."""
        if self._area is not None and self._all:
            self._area.show(self._bar.get_renderable())

    def _kinds(self) -> str:
        return ", ".join(f"{k} {self._done[k]}/{self._all[k]}" for k in STEP_KINDS if self._all[k])

    def _state(self) -> str:
        left = self._seconds_left()
        busy = f"{self._busy} of {plural(self._workers, 'worker')} busy"
        return busy if left is None else f"{busy}, about {_duration(left)} left"

    def _seconds_left(self) -> float | None:
        """Steps that are left at the mean of their kind so far, on the workers of now."""
        if not self._here or not self._workers:
            return None
        one = sum(self._seconds.values()) / sum(TRIALS[k] * n for k, n in self._here.items())
        left = 0.0
        for kind in STEP_KINDS:
            count = self._here[kind]
            mean = self._seconds[kind] / count if count else one * TRIALS[kind]
            left += mean * (self._all[kind] - self._done[kind])
        return left / self._workers


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
