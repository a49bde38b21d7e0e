"""Where the command line begins, as `mubench` and as `python -m mubench`.

The command line takes half a second to import: a signal ends the program cleanly meanwhile, too.
"""

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line; SIGINT ends it with exit code 130, SIGTERM with 143."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _end_at_once)
    from mubench.cli.main import main as run

    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _end)
    run()


def _end_at_once(signum: int, frame: FrameType | None) -> None:
    """Nothing has begun yet, and an exception in an import may be caught, or leave a traceback."""
    os._exit(128 + signum)


def _end(signum: int, frame: FrameType | None) -> None:
    """Leave every context, so that locks are freed and temporary folders deleted."""
    sys.exit(128 + signum)


if __name__ == "__main__":
    main()
