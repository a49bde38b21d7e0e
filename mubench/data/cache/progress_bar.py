"""Bars for what takes long beside a sweep: reading, decoding, unlearning. On a terminal alone."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import TypeVar

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typing_extensions import override

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds without a bar."""


def watched(
    pieces: Iterable[T], total: int | None, title: str, size: Callable[[T], int]
) -> Iterator[T]:
    """The same pieces; the bar counts their examples, of which each has `size`, and then goes.

    Notebooks, logs and pipes get no bar.
    """
    if not sys.stderr.isatty():
        yield from pieces
        return
    bar = Progress(*_columns(), console=Console(file=sys.stderr), transient=True)
    task = bar.add_task(title, total=total)
    begun = time.monotonic()
    try:
        for piece in pieces:
            yield piece
            bar.advance(task, size(piece))
            if time.monotonic() - begun > PATIENCE:
                bar.start()
    finally:
        bar.stop()


@contextmanager
def counting(count: Callable[[], int], total: int | None, title: str) -> Iterator[None]:
    """A bar of what `count` returns, while the context lasts."""
    if not sys.stderr.isatty():
        yield
        return
    bar = _Asking(count, total, title)
    timer = Timer(PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # a bar that is about to start would not stop
        bar.stop()


class _Asking(Progress):
    """Asks for its count whenever it is drawn."""

    def __init__(self, count: Callable[[], int], total: int | None, title: str) -> None:
        super().__init__(*_columns(), console=Console(file=sys.stderr), transient=True)
        self._count = count
        self.add_task(title, total=total)

    @override
    def get_renderables(self) -> Iterable[RenderableType]:
        for task in self.task_ids:
            self.update(task, completed=self._count())
        return super().get_renderables()


def _columns() -> tuple[TextColumn, BarColumn, MofNCompleteColumn, TimeRemainingColumn]:
    text = TextColumn("{task.description}")
    return text, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
