"""A line for a run that ends without one: killed, out of memory, or ended by Ray's core."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_WATCH = 'read -r _ || printf "%s\\n" "$0" >&2'
"""A line of its standard input says that all went well; the end of that input does not."""
_WORDS = (
    "mubench: the run ended without a word: killed from outside, out of memory, or the node of "
    "the Ray cluster that it was on is gone; finished steps are safe in the store: give the same "
    "command again"
)


@contextmanager
def last_words() -> Iterator[subprocess.Popen[bytes]]:
    """Have a small process say a line if this one ends inside the context.

    Ray's core ends the process where it finds no local raylet: no handler here could speak.
    """
    command = ["sh", "-c", _WATCH, _WORDS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watcher:
        try:
            yield watcher
        finally:
            watcher.communicate(b"\n")
