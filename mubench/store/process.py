"""Which process owns a lock, and whether it still runs, as far as this machine can tell."""

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Process:
    """A process of some machine."""

    host: str
    """For people; two machines may have the same name."""
    pid: int
    started: str
    """When it began, in clock ticks since boot: numbers of processes are given away again."""
    machine: str
    """The boot and the namespace in which `pid` counts; empty where they are unknown."""

    @classmethod
    def own(cls) -> Self:
        """The process that asks."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, _started(pid), _machine())

    @property
    def is_of_this_machine(self) -> bool:
        """Whether it can be looked up from here."""
        return bool(self.machine) and self.machine == _machine()

    @property
    def is_gone(self) -> bool:
        """Whether it has ended; for a process of this machine."""
        return _started(self.pid) != self.started


def boot_clock() -> float:
    """Seconds since some moment, those that the machine slept included."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process began; empty where it is gone (a zombie is) or unknown."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
