"""Records on their way to the store: a thread writes them, so that no worker waits for a disk.

What arrives while it writes is written together. The order is kept: a record never reaches the
store before one that its step needed.
"""

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from mubench.store.record import Record


class RecordQueue:
    """A context in which records are stored; at its end all are, or the error is raised.

    `stored` is told each, in the thread of who puts and looks.
    """

    def __init__(
        self, store: Callable[[Sequence[Record]], None], stored: Callable[[Record], None]
    ) -> None:
        self._store = store
        self._tell = stored
        self._queue: SimpleQueue[Record | None] = SimpleQueue()
        self._stored: SimpleQueue[Record] = SimpleQueue()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._write, daemon=True)

    def put(self, records: Sequence[Record]) -> None:
        """Have records stored soon. Raises the error of an earlier one that could not be."""
        if self._error is not None:
            raise self._error
        for record in records:
            self._queue.put(record)
        self.look()

    def look(self) -> None:
        """Tell what has been stored meanwhile."""
        while not self._stored.empty():
            self._tell(self._stored.get())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        self.look()
        if error is None and self._error is not None:
            raise self._error

    def _write(self) -> None:
        while (record := self._queue.get()) is not None:
            arrived = [record]
            while not self._queue.empty():
                record = self._queue.get()
                if record is None:
                    self._queue.put(None)  # the end comes after these
                    break
                arrived.append(record)
            try:
                self._store(arrived)
            except BaseException as error:  # noqa: BLE001  told to who asks next
                self._error = error
                return
            for each in arrived:
                self._stored.put(each)
