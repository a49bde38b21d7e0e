"""The command line in a child of this process: what it prints and costs, without imports.

Figures are not drawn: what draws them does not survive in a child of a process that has drawn.
"""

import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

EXPECTED = frozenset({0, 1, 2, 130, 143})
"""Exit codes of mubench."""


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    """Minus the number of the signal that ended it."""
    out: str
    error: str
    seconds: float
    peak_mib: float
    """Memory that it needed beyond what this process had."""

    @property
    def is_crash(self) -> bool:
        """Whether it ended otherwise than in results or in a line."""
        texts = ("Traceback (most recent call last)", "an error in mubench")
        return self.code not in EXPECTED or any(text in self.error for text in texts)


def mubench(
    *arguments: object, limit: float = 60.0, folder: Path | None = None, user: int | None = None
) -> Ran:
    """Run `mubench ARGUMENTS` in a child, in a folder and as a user; it ends after `limit` s."""
    with tempfile.TemporaryDirectory(prefix="mubench-") as kept:
        out, error = Path(kept, "out"), Path(kept, "error")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _become(arguments, out, error, limit, folder, user)
        _, status, used = os.wait4(child, 0)
        seconds = time.monotonic() - began
        return Ran(
            os.waitstatus_to_exitcode(status),
            out.read_text(errors="replace"),
            error.read_text(errors="replace"),
            seconds,
            max(0.0, (used.ru_maxrss - before) / 1024),
        )


def _become(
    arguments: tuple[object, ...],
    out: Path,
    error: Path,
    limit: float,
    folder: Path | None,
    user: int | None,
) -> None:
    """Be the command, and never return."""
    code = 70
    try:
        for target, number in ((out, 1), (error, 2)):
            os.dup2(os.open(target, os.O_WRONLY | os.O_CREAT), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
        signal.setitimer(signal.ITIMER_REAL, limit)
        os.chdir(folder or Path.cwd())
        if user is not None:
            os.setuid(user)
        sys.argv = ["mubench", *map(str, arguments)]
        from mubench.cli.main import main
        from mubench.report import build

        build.draw = lambda figures, earlier: {}
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
    except BaseException as crash:  # noqa: BLE001 - it is told, as Python itself would
        sys.excepthook(type(crash), crash, crash.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
