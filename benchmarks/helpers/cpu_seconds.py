"""CPU seconds of a command with all processes that it starts, also those that outlive it. Linux.

Neither `RUSAGE_CHILDREN` nor a shell's `time` counts the workers of Ray: the raylet, their parent,
lets the kernel reap them, and their time goes to nobody. So processes are looked at while they
live. What a process uses after the last look at it, `LOOK_SECONDS` at most, is not counted.
"""

import ctypes
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile

LOOK_SECONDS = 0.1
_PR_SET_CHILD_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")
_STATE, _PARENT, _USER, _SYSTEM, _START = 0, 1, 11, 12, 19
"""Places of fields in /proc/PID/stat behind the name of the program."""


def cpu_seconds(command: Sequence[str], environment: Mapping[str, str], folder: str) -> float:
    """Run a command to the end of its last process; raises RuntimeError where it fails."""
    # Orphans become children of this process: they stay in sight.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began: set[tuple[int, int]] = {one for one, _ in _descendants()}
    ticks: dict[tuple[int, int], int] = {}
    with TemporaryFile() as said:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=said, stderr=subprocess.STDOUT
        )
        while True:
            ticks.update(_descendants())
            if process.poll() is not None and not _reap_orphans():
                break
            time.sleep(LOOK_SECONDS)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)}: {said.read().decode()[-2000:]}")
    return sum(used for one, used in ticks.items() if one not in began) / _TICKS


def _reap_orphans() -> bool:
    """Whether there still is a child that runs; those that ended are taken away."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


def _descendants() -> Iterator[tuple[tuple[int, int], int]]:
    """All processes below this one: (pid, start), and the ticks that they have used."""
    stats = dict(_stats())
    below = {os.getpid()}
    for pid in sorted(stats, key=lambda pid: (int(stats[pid][_START]), pid)):
        fields = stats[pid]
        if int(fields[_PARENT]) in below:
            below.add(pid)
            yield (pid, int(fields[_START])), int(fields[_USER]) + int(fields[_SYSTEM])


def _stats() -> Iterator[tuple[int, list[str]]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:  # it has ended
                continue
            yield int(folder.name), text.rpartition(")")[2].split()
