"""One writer at a time: a lock file with an owner and a heartbeat."""

import json
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mubench.errors import StoreError
from mubench.store.files import Files

NAME = "lock.json"
BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0


class Lock:
    """Held while a sweep writes. A dead owner's lock is taken over.

    An owner on this machine is dead when its process is gone; elsewhere when it missed its
    heartbeat for a minute.
    """

    def __init__(self, files: Files, sweep: str) -> None:
        self._files = files
        self._me = {
            "sweep": sweep,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": _started(os.getpid()),
        }
        self._stop = threading.Event()
        self._beat = threading.Thread(target=self._keep_beating, daemon=True)

    def __enter__(self) -> Self:
        owner = self._owner()
        if owner is not None and _is_alive(owner):
            raise StoreError(
                f"{self._files.uri}: in use by sweep '{owner.get('sweep')}' (process "
                f"{owner.get('pid')} on {owner.get('host')}); wait for it or choose another --store"
            )
        self._write()
        self._beat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._beat.join()
        self._files.delete(NAME)

    def _owner(self) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self._files.read(NAME)))
        except (FileNotFoundError, ValueError):
            return None

    def _write(self) -> None:
        self._files.write(NAME, json.dumps({**self._me, "beat": time.time()}).encode())

    def _keep_beating(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            with suppress(StoreError):  # a full disk: the next beat may succeed
                self._write()


def _is_alive(owner: dict[str, Any]) -> bool:
    if owner.get("host") == socket.gethostname() and owner.get("started"):
        return _started(int(owner["pid"])) == str(owner["started"])
    return time.time() - float(owner.get("beat", 0)) < STALE_SECONDS


def _started(pid: int) -> str:
    """When a process began, in clock ticks since boot; empty where it is gone or unknown."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
